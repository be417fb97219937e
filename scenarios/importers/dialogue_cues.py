"""Word patterns that tell what a turn of a dialogue is: question, thanks, aside, complaint; patterns only."""

from __future__ import annotations

import re

QUESTION_ZH = re.compile(
    r"[?？吗呢]$|怎么办|怎么[样治回]|什么(?:原因|药|办法|方法|影响|好|样|情况|问题|呢|治|建议|注意|检查|"
    r"时候.*[?？])|吗[，。]?$|能不能|可不可以|"
    r"需不需要|要不要|是不是|会不会|如何|哪些|哪种|哪个|为什么|请问|多少钱|多久能|建议|"
    r"好不好|行不行|怎样|有没有.*(?:方法|办法|影响|药)"
)
THANKS_ZH = re.compile(
    r"谢谢|感谢|再见|拜拜|祝您|辛苦|我会(?:去|尽|注意|按|试|考虑|记|多|马上|好好|尝试|先)|按照您|遵照|听您的|"
    r"去医院|明白了|知道了|了解了|放心了"
)
QUESTION_EN = re.compile(
    (
        r"\?$|^(?:what|how|why|when|where|which|should|could|can|would|will|is it|is there|are there|do you|does (?:it|"
        r"that|this)|so should)\b"
    ),
    re.I,
)
FILLER = re.compile(
    r"(?:(?<=^)|(?<=[\s,.]))(?:u+[hm]+|er+m*|hm+|mm-?hm+|mm+|ah+|oh|okay|ok|yeah|yep|yes|y'know|you know|i mean|"
    r"like(?=,)|well(?=,)|so(?=,)|right(?=,)|sure|hi|hello|hey|alright|sorry|doctor|and(?=,))"
    r"\b[\s,.!-]*",
    re.I,
)
THANKS_EN = re.compile(
    r"\b(?:thank|thanks|bye|great|perfect|cheers|hear you|see you|good morning|good afternoon|good evening|sounds "
    r"good|no problem|that's fine|makes sense|understand|"
    r"take care|the camera|on video|will do|i'll do|appointment|lovely|nice to meet|date of "
    r"birth|confirm)\b",
    re.I,
)
ASIDE_ZH = re.compile(
    r"^(?:我)?(?:根据|针对|关于|对于|我?记住|还有一个|还想|没有其他|不知道$|这种情况能|手术治疗后$|除了[^，,]*$|特别是想|听起来|原来|好的|"
    r"我是(?:女|男)性?[，,]?\d*岁?$|.{0,7}\d+(?:多)?(?:岁|个月)(?:了|多)?$|我有?听说|谢|如何|听说|听别人|如果|要是|"
    r"假如|会|打算|想|希望|应该|在等|除了.*外$|在.*期间$|觉得还是|看到|看了|查了|看网上|了解到|是想|会留意|该)|"
    r"^.{0,2}(?:我|孩子|宝宝|他|她)?(?:今年|是(?:一[个名位])?)?\d+"
    r"(?:多)?(?:岁|个月)(?:的)?(?:女性|男性|女生|男生|女|男|女孩|男孩|了)?$|"
    r"我是(?:一[个名位])?(?:女|男)(?:性|生|的)?$|(?:我|那)(?:可以|应该|要|需要|还能|还有)|按照|"
    r"我会|担心.{0,4}$|尝试一下|试试"
)
ASK_TAIL = re.compile(
    r"[，,]?(?:请问|我|那)?(?:这|这种情况)?(?:是|该|应该|要|有什么|能|可以)*(?:怎么办|怎么回事|怎么治疗?好?|"
    r"怎样治疗|如何(?:治疗|处理|缓解|改善|调理)|什么原因(?:引起|造成|导致)?的?|什么病|咋办|怎么处理|怎么缓解|"
    r"怎么调理|什么好办法|治疗吗|正常)"
    r"(?:呢|啊|吗|比较好|才好|好)?[?？]?$"
)
WHEN_ZH = re.compile(
    r"^.{0,12}(?:之后|以后|的时候)$|^(?:我)?(?:最近|近来|近期|这|从|自|昨|今|前|上)[^，,]{0,10}(?:来|以来|时候|间|"
    r"段时间|天|后|晚上|上|年|月)?$|^(?:最近|近来|近期)$"
)
HEALTH_EN = re.compile(
    r"pain|hurt|ache|aching|sore|cough|fever|temperature|hot|cold|chill|sick|vomit|nause|diarrh|stool|toilet|poo|"
    r"bowel|blood|bleed|rash|itch|red\b|swell|swollen|lump|"
    r"breath|chest|heart|palpitat|dizz|faint|weak|tired|fatigue|letharg|sleep|appetite|weight|eat|drink|headache|"
    r"head\b|vision|eye|ear|hear|ring|nose|throat|phlegm|wheez|"
    r"urin|pee|wee\b|burn|sting|numb|tingl|face|arm|leg|knee|joint|back|tummy|stomach|belly|skin|muscle|stiff|"
    r"sweat|anxi|stress|mood|panic|worr|asthma|diabet|pressure|"
    r"thyroid|allerg|inhaler|tablet|medic|drug|cream|paracetamol|ibuprofen|antibiotic|pill|smok|alcohol|wine|beer|"
    r"period|pregnan|sex|partner|family|mother|father|mum|dad|"
    r"brother|sister|travel|holiday|work|job|live|days?\b|weeks?\b|months?\b|years?\b|ago|started|worse|better|"
    r"bitten|bite|stung|wasp|bee\b|ill|unwell|surger|operation|hospital",
    re.I,
)
NO_NAME_EN = re.compile(
    r"^(?:in|on|with|at|when|to|of|for|that|i)\b|\b(?:you|your|i)\b|\b(?:in|on|with|of|to|before that|your)$"
)
IDENTITY_EN = re.compile(
    r"\bmy (?:full )?name|\bi'?m \w+ (?:years|smith)|years old|nineteen (?:\w+ty|\w+teen|ninety)|(?:january|"
    r"february|march|april|june|july|august|september|october|november|december)\b|"
    r"\bstreet\b|\broad\b|address|date of birth|wi-?fi|microphone|kilograms|five foot|"
    r"postcode|\bhear (?:me|fine)|can hear",
    re.I,
)
COMPLAINT_ZH = re.compile(
    r"痛|疼|痒|肿|胀|咳|烧|热|晕|吐|泻|拉|血|麻|酸|疹|痘|斑|疮|瘤|炎|癌|骨折|受伤|伤|不舒服|难受|睡不着|失眠|便秘|"
    r"脱发|怀孕|红|斜视|近视|结石|"
    r"感染|病|症|过敏|出汗|疲|累|胖|瘦|月经|早泄|黄"
)
NO_ZH = re.compile(r"^(?:没有?|无|不|否|未)(?:过|有|出现|发现)?(?:的|啊|呢|哦|呀)?(?:[，,。！!]|$)")
ASKED_ZH = re.compile(
    r"(?:有没有|有无|是否(?:有|伴有|伴随|出现)?|有(?:过)?|伴有|出现)(?P<what>[^？?。；;！，,吗没]{2,"
    r"30}?(?:[、，,][^？?。；;吗没]{2,8}){0,4})(?:的?(?:情况|症状|现象))?(?:吗|么|呢|没有?|[?？]|$)"
)
ASKED_EN = re.compile(
    (
        r"\b(?:any|had|have you had|notice[d]? any)\s+(?P<what>(?!other|else|question|idea|more|further|thing|concern|"
        r"medic)[a-z][a-z ,'-]{2,60}?)(?: at all| recently| or anything.*|, for example)?\?"
    ),
    re.I,
)
