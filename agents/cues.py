"""Surface cues of dialogue acts as bilingual regular expressions; it knows patterns, not what follows from them."""

from __future__ import annotations

import re
from functools import cache

from scenarios.schema import Language

ZH_TERM = (
    r"(?:(?<![消抗])炎|病(?!人|史|历|房|情|程|因|假|友)|症(?!状)|癌|肿瘤|瘤|综合征|感冒|流感|感染|结石"
    r"|骨折|溃疡|高血压|哮喘|中风|梗死|梗塞|心梗|脑梗|出血|过敏(?!史|药|体质|的)|破裂|穿孔|疹|癣|扭伤|拉伤"
    r"|挫伤|劳损|突出|反流|返流|贫血|抑郁|焦虑|痛风|宫外孕|妊娠|中毒|衰竭|心衰|甲亢|甲减|流产|绞痛|痉挛"
    r"|梗阻|栓塞|便秘|脱水|肺气肿|白内障|青光眼|失眠|疝|痔|囊肿|增生|息肉|肝硬化|夹层|气胸|消化不良|低血糖"
    r"|水痘|手足口|痛经|偏头痛|扭转|脱位|撕裂|血栓|缺血|早搏|房颤)"
)
EN_TERM = (
    r"(?:\w+(?:itis|osis|emia|aemia|pathy|algia|oma|iasis|rrhoea|rrhea|plegia)|disease|syndrome"
    r"|infections?|disorder|migraine|asthma|pneumonia|fracture|flu|influenza|cold|stroke|angina|ulcers?"
    r"|reflux|allergy|heart attack|attack|infarction|embolism|cancer|hernia|stones?|colic|gout|sprain"
    r"|strain|abscess|obstruction|torsion|failure|hypertension|diabetes|eczema|shingles|chickenpox|measles"
    r"|covid|pregnancy|haemorrhoids|hemorrhoids|tear|clot|depression|anxiety|vertigo|dehydration"
    r"|haemorrhage|hemorrhage|bleed|rupture|dissection|poisoning|croup|tuberculosis|malaria|dengue"
    r"|deficiency|arthritis|lupus|epilepsy|tumou?r|ketoacidosis|perforation|virus|bug)"
)

_ZH_ASK = (
    r"有没有|是不是|是否|会不会|能不能|可不可以|要不要|([\u4e00-\u9fff])[不没]\1|多久|多长时间|多大|多重"
    r"|多少|多高|多频繁|几(?:次|点|岁|度|片|顿|遍|分|胎)|(?:有|经|疼|痛|烧|咳|吐|拉|停|续|肿|痒|晕|来"
    r"|孕)几(?:天|周|个月|年|个小时)|几(?:天|周|个月|年|个小时)了|哪(?:里|儿|个|些|边|种|一|天|方面|位|块)"
    r"|什么|怎么|怎样|如何|为何|谁|啥|咋|请问|(?<![这但过我您])还是(?!要|得|建议|应该|需要|先|会|有|比较"
    r"|很|能|可以|挺|考虑|不|以|尽|最好)|(?:描述|形容)(?:一下|下)|(?:跟我|给我|和我|再|详细|具体|请您?"
    r"|麻烦您?)(?:说说|讲讲|说一下|讲一下|说一说|谈谈)|有无"
)
_ZH_NOT_ASKING = (
    r"(?:不管|无论|不论|取决于|根据|视乎|不知道|不确定|看[你您]的).{0,14}?(?:怎么样|怎样|如何|什么|哪|多少"
    r"|多久|是不是|是否|有没有|能不能)\w?|(?:看(?:看|一看|一下|下)|(?<=[镜片查超T])看).{0,14}?(?:怎么样"
    r"|怎样|如何|有没有|是不是|是否|会不会|能不能|什么|哪里|哪儿)|(?:查|检查(?!结果)|化验|观察|判断|明确"
    r"|确认|确定|排除|评估|决定|记下|记录).{0,14}?(?:有没有|要不要|是不是|是否|会不会|能不能|怎么样|什么"
    r"|哪里|哪一?[种个些]|多少|多久)|(?:(?<!有)没|(?<!有)没有|不用|别|不要|无|不需要|不|也没)(?:什么|怎么"
    r"|啥|多少)|什么(?:的|都|也)|怎么(?:都|也)|多少(?:有|会|要|都)|多久(?:都|也)|(?:有"
    r"|出现).{0,4}?什么(?=.{0,14}(?:随时|及时|可以|就|再|请|马上|尽快))"
    r"|[这那过前后近好头十再吃喝隔用察息分下]几(?:天|次|周|个月|个小时|年|片|点)|几(?:天|周|个月|个小时|次"
    r"|年)(?:后|内|左右|之|就|再|看|不|才|可)|几个?(?:小时|天|周|月|年)?[到至]几"
    r"|(?<!我想)(?<!我要)(?<!需要)(?<!我先)了解.{0,20}?(?:是否|有没有|是不是|哪)|^.*(?:取决于|因人而异"
    r"|结合|综合(?:判断|考虑|评估)|根据.{1,24}?(?:确定|判断|决定|制定|选择)|咨询.{0,6}?(?:医生|意见)|(?:听"
    r"|由|遵)医).*$|(?:如果|要是|假如|若是|若|一旦|万一)[^，,]*"
)
_EN_AUX = r"(?:is|are|was|were|do|does|did|have|has|had|can|could|would|will)"
_EN_WHO = (
    r"(?:you|your|it|he|she|they|his|her|their|there|this|that|these|those|anyone|anybody|anything|any"
    r"|either|we)\b"
)
_EN_LEAD = (
    r"^(?:(?:and|so|okay|ok|now|um+|uh+|well|right|alright|all right|also|but|then|i see|hello|hi"
    r"|good morning|thank you|thanks|please|sorry|sure|yes|no|fine|first|next|or)[,\s]+)*"
)
_EN_ASK = (
    _EN_LEAD + r"(?:(?:don't you|do|have(?! (?:your|his|her|the) .*(?:checked|tested|measured|seen|done"
    r"|removed)\b)|had|can|could|would|will) " + _EN_WHO + r"|(?:isn't|aren't|wasn't|weren't|doesn't"
    r"|didn't|hasn't|haven't|is|are|was|were|does|did|has) " + _EN_WHO + r"|have (?:the|your|his"
    r"|her) [\w ]{2,24}(?:been|gone|got|become|changed|started|stopped)\b|(?:what|where|whereabouts|why"
    r"|who|how|which (?:side|one|part|leg|arm|ear|eye|knee|foot|hand|day|of))(?:'s|\b(?! (?:you|i|we|this"
    r"|it|that|possible)\b)(?: [\w-]+){0,4}? (?:" + _EN_AUX
    + r"|makes?|brings?|brought|happened|happens|helps?|triggers?|seems?)\b)|how (?:long|many|much|often"
    r"|bad|severe|old|far|about)\b|what (?:about|kind|sort|colour|color|time|other|else)\b(?! (?:is"
    r"|of) the)|when (?:is|was|did|do|does|have|has|were|are)\b|since when|for how long|any (?!time|of|way"
    r"|questions|further|doubt)\w+|(?:can you |could you )?(?:tell me (?:more|about|what|when|where|how"
    r"|a (?:bit|little))|describe|walk me through)\b|(?:i'd like|i would like|i want|i need|i have|let me"
    r"|may i|can i) (?:to )?(?:ask|(?<!let me )know|find out|understand)\b(?!.{0,20}\b(?:few|some|couple"
    r"|more) ))"
)

# @TERM@ stands for a word that ends or names a disease in that language.
_PATTERNS: dict[str, dict[Language, str]] = {
    "question": {"zh": _ZH_ASK, "en": _EN_ASK},
    "question_end": {
        "zh": r"吗$|(?<![什怎这那多要])么$|(?<![着在])呢$|[了过].{0,6}没有?$|^(?:有|是|会)?.{2,12}没有$",
        "en": _EN_LEAD + r"(?:is|are|was|were|does|did|has) (?!not\b)[a-z]"
        r"|(?: [\w',]+){2} (?:is that right|is that correct|isn't it|don't you|(?<!all )right|correct)$",
    },
    "not_asking": {"zh": _ZH_NOT_ASKING, "en": r"(?!)"},
    # Courtesies that take no history: they neither count as inquiry nor keep a consultation open.
    "courtesy": {
        "zh": r"还有.{0,6}?(?:问题|疑问|想问|要问|想了解|不明白|不清楚|顾虑|可以帮|能帮)|(?:明白|清楚|懂"
        r"|记住|记住了|理解|听明白|知道)了?(?:吗|没有|没|么)[？?。！]*$|^(?:那|这样|您看|你看"
        r"|您看这样)?(?:好|可以|行)(?:吗|么|不好|不行)[？?。！]*$",
        "en": r"\bany (?:other |more |further )?(?:questions|concerns|doubts)\b|make sense|(?:is"
        r"|does) that (?:ok(?:ay)?|all right|alright|sound|clear)|^(?:so |and )?(?:ok(?:ay)?|all right"
        r"|alright|right|yes|sound good)\?*$|do you understand|anything (?:else )?(?:that )?(?:you(?:'d"
        r"| would)? (?:like|want) (?:to ask|me to)|unclear)",
    },
    "tag": {
        "zh": r"[，,、\s]*(?:您看|你看|这样)?(?:好吗|好不好|可以吗|行吗|行不行|好么|可以么"
        r"|您觉得怎么样)[？?。！]*$",
        "en": r",?\s*(?:ok(?:ay)?|all right|alright|will you|would you|is that (?:ok(?:ay)?|all right"
        r"|alright)(?: with you)?)\?+$",
    },
    "diagnosis": {
        "zh": r"考虑(?!做|用|吃|去|查|手术|住院|服|换|调|转)(?:(?:您|你|他|她|孩子|宝宝|最)?(?:为|是(?!否"
        r"|不是)|可能|有|患|得)|.{0,12}?@TERM@)|(?:可能|应该|大概|估计|多半|八成|恐怕|似乎|很像|看起来像"
        r"|听起来像|感觉像)(?!需要|会|要|出现|导致|引起|造成|发展|没).{0,18}?(?:@TERM@|引起|所致|导致的"
        r"|造成的|有关)|(?:诊断|判断|印象)(?:为|考虑|上是|：|:|是(?!否|不是))|确诊(?:为|是)|(?:怀疑|疑似"
        r"|倾向于?|提示|符合|像是|属于|就是|算是)(?!过).{0,14}?@TERM@|(?:您|你|这|这个|这种|孩子|宝宝|他"
        r"|她|它|症状|情况|表现)(?:就|应该|可能|很可能|大概率|其实|的(?:情况|症状|表现)){0,2}(?:是|像"
        r"|患有?|患了|得了|得的是|有)(?!不是|否|什么|没|过).{0,12}?@TERM@|是.{1,14}?(?:引起|导致|造成"
        r"|所致)",
        "en": r"\bi wonder (?:if|whether)\b.{0,60}?@TERM@|(?:\b(?:is|are|was|be|have|has|got|most|very)|'s"
        r"|'re|'ve|’s) (?:most |very |quite |almost )?(?:likely|probably|certainly)\b(?! (?:to )?(?:feel"
        r"|get|need|take|want|best|not|help|worth|important|a good|be (?:fine|better|ok)|improve|go|come"
        r"|last|heal|settle|clear|start))|\b(?:likely|probably) (?:have|has|a|an|due|caused|viral"
        r"|bacterial|(?:[\w-]+ ){0,3}?@TERM@)\b(?! (?:good|bit|few|couple|idea|little))|\b(?:i|we)(?:'d"
        r"| would| do| strongly| also)? suspect\b(?! nothing)|\bsuspected (?:[\w-]+ ){0,2}@TERM@|\b(?:you"
        r"|he|she|they|your \w+) (?:may|might|could|probably|likely) (?:well |also |still )?have (?!to\b"
        r"|had\b|been\b|noticed|seen|heard|read|tried|experienced|felt|taken|any\b|some\b|side\b"
        r"|trouble\b)|\bdiagnosis (?:is|here|would|could|may|might|of|:)|\bdiagnosed? (?:you |this "
        r"|it )?(?:with|as)\b|\bworking diagnosis\b|\bi (?:think|believe) (?:that )?(?:this|it|that|you|he"
        r"|she|they|your \w+|the \w+)(?!.{0,24}\b(?:should|need|must|ought|would|best|important|better"
        r"|worth|safe|fine|time|could try|can)\b).{0,30}?(?:\b(?:is|are|has|have|having|might|may|could"
        r"|looks|sounds|be)\b|'s\b|'ve\b)|\b(?:consistent with|suggestive of|in keeping with|typical of"
        r"|characteristic of|points? (?:to|towards)|indicative of)\b|\b(?:symptoms|findings|signs|results"
        r"|history|this|these|that|picture|pain|features|it)\b.{0,30}?\bsuggests?\b(?! (?:we|you (?:should"
        r"|see|need|take)))|\b(?:sounds?|looks?|seems?|appears?|feels?) (?:very much |a lot |to me |most "
        r"|rather )*(?:like|to be) (?:a |an |the |you (?:may |might |could |probably )*(?:have|are having"
        r"|'ve got) )?(?:[\w'-]+ ){0,4}?@TERM@|\b(?:this|it|that|which|these|symptoms"
        r"|pain)\b.{0,25}?\b(?:could|may|might) (?:well )?(?:be|indicate|mean|reflect|represent) (?:due"
        r"|caused|(?:a |an |the )?(?:[\w'-]+ ){0,4}?@TERM@)|\b(?:you|he|she|they|your \w+) (?:may |might "
        r"|could |probably |clearly |do |definitely |also )*(?:have|has|got|'ve got|are having"
        r"|is having)(?! (?:had|been)) (?:a |an |the )?(?:[\w'-]+ ){0,3}?@TERM@\b|\b(?:this|it|that|these"
        r"|problem|cause|picture)(?: is| are|'s| was) (?:caused by |due to )?(?:a |an "
        r"|the )?(?:[\w'-]+ ){0,4}?@TERM@\b|\b(?:caused by|due to) (?:a |an |the "
        r"|your )?(?:[\w'-]+ ){0,3}?@TERM@\b",
    },
    "denied_before": {
        "zh": r"(?:不|没有?|未|无法|并非|(?<!不能)(?<!不)排除|难以|不太|不能)[^，,。]{0,3}$",
        "en": r"(?:\bnot|n't|n’t|\bno|\bnever|\bcannot|\bwithout|\bunlikely|\bless|\bneither|\bbefore"
        r"|\bwhether|\bif)\b[\w\s'’]{0,28}$",
    },
    "denied_after": {"zh": r"^.{0,10}可能性(?:不大|很?小|较?低)", "en": r"^[\w\s]{0,24}\bunlikely\b"},
    "advice": {
        "zh": r"不?建议|尽早|定期|勤(?:洗|通风|换)|抽血|验血|验尿|拍片|化验|查(?:个|一下|血|尿|大便|眼底"
        r"|甲|肝|肾|心|胃|肠|CT|一次)|按(?:疗程|医嘱)|(?<![您你])每(?:天|年|周|月|晚|隔).{0,10}?(?:吃|走"
        r"|查|喝|做|测|敷|洗|用|涂|睡|运动|泡)|(?<!我)记(?:下|录|住)(?!了)|要(?:查|做|停|去|到|住院|马上"
        r"|及时|一起)|到.{2,6}科|必要时|早点|盖好|小心|垫高|抬高|戴口罩|分开|[热冷冰]敷|漱口|控制(?:饮食"
        r"|血|体重|盐)|保持|小口喝|听医生|规律|注意(?!到|过)|避免|尽快|立即|立刻|(?:马上|现在就)(?!给|为"
        r"|帮)|服用(?!了|过|的)|口服|复查|复诊|(?<!上次)(?<!之前)就[诊医](?!过|的时候)|去(?:医院|急诊|看"
        r"|做|查|挂)|可以(?:先|试|用|吃|喝|做|去|服|涂|外用|热敷|冷敷|适当|考虑)|需要(?:您)?(?:先|尽快"
        r"|立即|马上|进一步)?(?:做|查|检查|去|住院|手术|吃|服|卧床|休息|控制|复查|就)|不要(?!紧|担心|着急"
        r"|紧张|害怕|怕)|(?:^|[，,请先要])别(?!担心|着急|紧张|害怕|怕|的)|多(?:喝|休息|吃|饮|走动|运动"
        r"|通风)|少(?:吃|喝|抽|熬夜)|清淡|戒烟|戒酒|忌|卧床|休息(?!的?时|后|一?下?就|了|就|也)|给您?开"
        r"|开(?:点|一?些|了|个).{0,4}药|吃(?:点|一?些).{0,6}药|按时(?:吃|服|用)|观察.{0,3}(?:天|小时|看)"
        r"|拨打|救护车|住院|(?:先|最好|应该|应当|务必|一定要)(?:去|做|吃|喝|查|休息|用|停)",
        "en": r"\b(?:must|needs? treating|(?:is|are) needed)\b(?! (?:be (?:hard|difficult|tough|worrying"
        r"|painful|scary|frustrating|awful|so)|have|feel))|\bi(?:'d| would)?(?: strongly"
        r"| also)? (?:recommend|suggest|advise)|\b(?:my|some|the) (?:advice|recommendation)\b|\byou(?:'ll"
        r"| will)? (?:should|must|ought to|need to|have to|had better|can(?: also)?|could|may)(?: also"
        r"| just)? (?:not |need to )?(?:take|use|go|see|stop|start|avoid|rest|drink|eat|keep|try|get|have"
        r"|be (?:seen|admitted|assessed|checked)|come|call|stay|book|apply|do|cut|reduce|make|put|continue"
        r"|wash|wear|visit|return|seek)\b|^(?:please |also |then |and |just )?(?:walk|wash|raise"
        r"|note (?!that)|exercise (?:regularly|every|more|daily|but|gently)|sit|keep|use|have (?:your|it"
        r"|the|them)|put|write|record|check (?:your|the)|find|get (?!better)|cover|bring|sleep (?:with|on"
        r"|well|at|enough)|lie|lift|clean|rinse|brush|stretch|warm|ask (?:your|a|the)|increase|quit"
        r"|give (?!me)|measure|test (?:your|the)|finish|lose|move|cool|control|treat|remove|follow|choose"
        r"|swap|replace|practise|practice|learn|speak|talk to|tell (?:your|the)|hold|press|loosen|soak"
        r"|do (?:the|your|some|gentle|a))\b|\byou(?:'ll| will)?(?: probably)?(?: may| might"
        r"| will)?(?: probably)? need (?:a|an|some|to be|to have|tests?|blood|urgent|treatment|antibiotics"
        r"|surgery|emergency|hospital|medical)\b|(?:^|\b(?:please|and|then|so|or|just|also|always|first"
        r"|simply|instead|meanwhile)\s+)(?:take(?! (?:a (?:look|deep)|care\b(?! (?:of|not|with|to|when))))"
        r"|avoid|rest(?! of)|drink|eat|stay|stop|apply|try|come back|return|make sure|seek|monitor|elevate"
        r"|limit|cut down|reduce|wear|gargle|book|put|go (?:to|home|and|straight)|see (?:a|your|the)"
        r"|call (?:a|an|911|999|112|120|us|your)|keep (?:a|the|it|your|taking|drinking|an|well|warm)"
        r"|use (?:a|the|an|your|some)|get (?:some|plenty|a|an|yourself|your)|have (?:a|some|plenty)|do not"
        r"|don't|don’t)(?! worry)\b|\b(?:it is|it's|it would be|it'd be) (?:best|important|wise|worth"
        r"|sensible|advisable)\b|\blet(?:'s|’s| us) (?:start|try|get you|do (?:a|some)|book|arrange|treat"
        r"|check|order)\b|\bwe (?:should|need to|will|'ll|must)(?: also)? (?:do|start|treat|arrange|check"
        r"|run|get|order|admit|refer|book|give|test|keep)\b|\bi(?:'ll| will| am going to|'m going to"
        r"|'d like to| would like to| want to| want you to|'d like you to"
        r"| would like you to)(?: also)? (?:prescribe|refer|arrange|order|start you|admit|send you"
        r"|give you|book|take|go|have|see)\b(?! a look)",
    },
    "thanks": {
        "zh": r"谢谢|多谢|感谢|再见|拜拜|不客气|不用谢|不用客气|祝[您你]|早日康复|慢走|保重",
        "en": r"\bthank(?:s|ing)?\b(?! (?:to|god|goodness|heavens))|\bgood ?bye\b|\bbye\b|\byou(?:'"
        r"|’)?re (?:very |most )?welcome\b|\btake care\b(?! (?:of|not|with|to|when))|\bget well soon\b"
        r"|\bcheers\b",
    },
    "safety_net": {
        "zh": r"(?:如果|如(?!何|今|此|下|同|实|果)|若|一旦|要是|万一|假如|倘若)(?!需要|方便|可以|愿意"
        r"|不(?:马上|及时|立即|尽快|赶紧|治|去)).{0,60}?(?:就诊|就医|急诊|医院|复诊|复查|120|救护车|随诊"
        r"|回来|再来|及时来|马上来|来找我|来看|联系)|(?:出现|加重|恶化|没有好转|不见好转|不好转|不缓解"
        r"|没有缓解|持续不退|超过.{1,6}不).{0,30}?(?:请|要|就|应|需|务必|一定|随时|及时|立即|马上"
        r"|尽快).{0,10}?(?:就诊|就医|急诊|医院|复诊|复查|120|救护车|随诊|回来|再来|来看|联系)|(?:随时|及时"
        r"|马上|立即)(?:来|回来|去|到)?(?:就诊|就医|复诊|医院|急诊|看).{0,6}?(?:如果|如有|若)",
        "en": r"\b(?:if|should (?:you|it|the|this|any)|unless|when(?:ever)?)\b(?! (?:possible|convenient"
        r"|you(?:'d| would)? (?:like|want|wish)))[^.!?]{0,160}?\b(?:come (?:back|in|straight)|return"
        r"|emergency|er|hospital|call|ring|seek|see (?:a|your|me|the|us)|contact|911|999|112|a&e|urgent)\b"
        r"|\b(?:come back|return|go (?:back )?to|call|ring|seek|see (?:a|your|me|the|us)"
        r"|contact)\b[^.!?]{0,90}?\b(?:if|should (?:you|it|the|this|any)|unless)\b"
        r"|\bwatch (?:out )?for\b[^.!?]{0,120}",
    },
    "emergency": {
        "zh": r"(?:去|到|看|挂|送|往|转|来)(?:最近的)?(?:医院)?(?:的)?急诊|急诊(?:科|室|就诊|就医|处理"
        r"|手术|抢救)|(?:拨打|打|叫)(?:一下)?(?:120|救护车)|急救电话|(?:立即|马上|立刻|现在就|赶紧|赶快"
        r"|即刻)[^，,。]{0,12}?(?:医院|就医|就诊|住院|抢救)|需要(?:紧急|急诊)",
        "en": r"\b(?:go|get|come|taken|take|send|sending|head|be seen|straight|over|attend|visit|drive"
        r"|transfer\w*)\b[^.!?]{0,40}?\b(?:emergency|a&e|er\b|ed\b|casualty|hospital)|\b(?:call|calling"
        r"|dial|ring)\b[^.!?]{0,20}?\b(?:ambulance|911|999|112|120)\b|\b(?:hospital|emergency|admitted"
        r"|assessed|evaluated|seen)\b[^.!?,]{0,30}?\b(?:now|right away|immediately|straight away|at once"
        r"|urgently)\b|\bemergency (?:care|assessment|treatment|surgery|admission)\b"
        r"|\bthis is (?:a medical |an )emergency\b",
    },
    "urgent_care": {
        "zh": r"(?:尽快|今天|今天就|当天|尽早|及时|明天)[^，,。]{0,12}?(?:医院|就医|就诊|专科|住院|检查)"
        r"|住院|转诊|转到",
        "en": r"\b(?:today|soon as possible|same day|urgent(?:ly)?|within (?:a day|24 hours|the next day)"
        r"|tomorrow|promptly)\b[^.!?]{0,60}?\b(?:hospital|specialist|clinic|seen|assessed|scan|doctor"
        r"|surgeon|referral)\b|\b(?:hospital|specialist|clinic|seen|assessed|scan|doctor|surgeon"
        r"|refer\w*)\b[^.!?]{0,60}?\b(?:today|soon as possible|same day|urgent(?:ly)?|within (?:a day"
        r"|24 hours)|tomorrow|promptly)\b|\badmit(?:ted)?\b|\burgent referral\b",
    },
    # A referral that hangs on a condition is a safety net, not a referral now.
    "conditional": {
        "zh": r"(?:如果|若|一旦|要是|万一|假如|如有|如出现|出现.{0,14}?(?:时|后|就|请|要)|加重(?:时"
        r"|了)?就?)(?!不)",
        "en": r"\b(?:if|should (?:you|it|the|this|any)|unless|when(?:ever)?|in case)\b",
    },
    "no_need": {
        "zh": r"(?:不用|不需要|不必|没必要|无需|暂时不|先不|没有必要|别)[^，,。]{0,6}$|不$",
        "en": r"(?:\bno need|n't need|n’t need|\bnot need|\bnot necessary|\bneed not|\bwithout|\bdo not"
        r"|\bdon't|\bdon’t)\b[^.,;]{0,20}$",
    },
}


@cache
def cue(name: str, language: Language) -> re.Pattern[str]:
    """Return the compiled pattern of a named cue; raises KeyError for an unknown name."""
    term = ZH_TERM if language == "zh" else EN_TERM
    return re.compile(_PATTERNS[name][language].replace("@TERM@", term), re.IGNORECASE)
