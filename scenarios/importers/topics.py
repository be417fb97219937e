"""Sorts a sentence into its Topic and disclosure level by bilingual cue rules; it knows no case and no format."""

from __future__ import annotations

import re
from functools import cache

from scenarios.schema import Disclosure, Language, Topic

_KIN = r"(?:mother|father|mom|mum|dad|brother|sister|uncle|aunt|grand\w+|sibling|cousin|parent)s?"
_EN: tuple[tuple[Topic, str], ...] = (
    ("family_history", rf"family|familial|\b{_KIN}\b[^,;]* (?:had|has|have|died|with|underwent|who)\b|relatives"),
    ("allergies", r"allerg|adverse drug|adverse reaction"),
    (
        "reproductive",
        r"menstr|menarche|menopaus|pregnan|gravida|sexual|\bsex\b|intercourse|condom|partners\b|miscarr|"
        r"postpartum|childbirth|cesarean|\bperiods?\b(?! of)|contracepti|breast-?feeding my|deliver(?:y|ed|ing) a",
    ),
    (
        "development",
        r"gestation|milestone|breastfed|breastfe|formula|immuni[sz]|vaccin|was born|\bbirth\b|prenatal|"
        r"full[- ]term|meconium|growth",
    ),
    (
        "exposure",
        r"travel|hik(?:ing|ed)|camp(?:ing|ed)|\bbit(?:e|ten)\b|sick contact|daycare|expos|restaurant|takeaway|"
        r"\bpets?\b|\bcats?\b|\bdogs?\b|insect|abroad|swimming|woods|fair\b",
    ),
    (
        "medications",
        r"\btak(?:e|es|ing)\b(?!.* (?:care|time|shower))|medic(?:ine|ation)|tablet|\bpills?\b|inhaler|"
        r"insulin|metformin|lisinopril|aspirin|\bon \w+(?:ol|in|ine|ide|mab|one|pril|tan)\b|prescri|over-the-counter|"
        r"supplement|vitamin",
    ),
    (
        "social_history",
        r"smok|alcohol|\bdrink|beer|wine|\bdrugs?\b|cocaine|marijuana|cannabis|ecstasy|tobacco|\bwork(?:s|ing)?"
        r"\b(?: as| in| at|$)|\bjob\b|student|school|retired|married|\blives?\b|employ|teacher|\bpartner\b|college|"
        r"prison",
    ),
    (
        "prior_care",
        r"treated|treatment|tried|hospitali|evaluat|biops|was given|went to (?:the|my|a) (?:doctor|gp)|"
        r"underwent|antibiotic|ibuprofen|paracetamol|acetaminophen|ointment|cream|steroid|referred",
    ),
    (
        "past_history",
        r"history of|diagnos|surger|operation|hypertension|high blood pressure|diabet|asthma|cancer|"
        r"previous|in the past|chronic|as a child|stroke|cholesterol|years? ago",
    ),
    (
        "onset",
        r"\bago\b|start(?:ed|s)|began|since|sudden|onset|for (?:about |the (?:past|last) |over )?(?:\d|an?\b|one|"
        r"two|three|"
        r"four|five|six|several|many|few)|first noticed|yesterday|this morning|overnight",
    ),
    ("relief", r"reliev|relief|improv|better|alleviat|\beas(?:es|ed)\b|goes away|settles"),
    (
        "provocation",
        r"wors\w+ (?:with|when|after|on|by|in|during)|trigger|after (?:eating|meals|exerci|physical)|"
        r"with (?:exertion|movement)|when (?:i|he|she|my|eating|walking|lying)|provok|on exertion|bring",
    ),
    (
        "timing",
        r"episod|intermitten|constant|daily|at night|morning|times (?:a|per)|every|frequen|recurr|comes and goes|"
        r"occasional|lasting|lasts",
    ),
    ("course", r"worse|progress|increas|decreas|resolv|persist|spread|gradual|continu|over (?:the|time)|changed|grown"),
    ("severity", r"severe|\bmild|out of (?:10|ten)|/10|unbearable|intense|worst"),
    ("concern", r"worr|concern|afraid|scared|think it|believe"),
    ("general", r"appetite|sleep|weight|fatigue|tired|energy|urin|bowel|stool|sweat|fever|feeding|letharg|weakness"),
    ("quality", r"burning|sharp|dull|throbbing|aching|stabbing|cramp|tingl|itchy|color|colour|scaly|crust|raised"),
    ("location", r"\bleft\b|\bright\b|radiat|upper|lower|bilateral|on (?:my|his|her) "),
)
_ZH: tuple[tuple[Topic, str], ...] = (
    ("family_history", r"家族|遗传|(?:父亲|母亲|爸爸|妈妈|爷爷|奶奶|哥哥|姐姐|兄|家里人).{0,6}(?:也|有|患|得过)"),
    ("allergies", r"过敏"),
    ("reproductive", r"月经|例假|怀孕|孕|同房|性生活|性行为|白带|经期|末次|流产|避孕|痛经|手淫|早泄|产后|姨妈"),
    ("development", r"疫苗|预防接种|母乳|奶粉|辅食|足月|早产|顺产|剖腹|剖宫|出生|发育|翻身|出牙"),
    (
        "exposure",
        r"疫区|旅游|出差|咬|接触|吃了?.{0,6}(?:火锅|海鲜|外卖|剩|辣|冷|凉|雪糕)|着凉|受凉|淋雨|宠物|养.{0,2}[猫狗]",
    ),
    ("prior_care", r"检查|化验|拍片|B超|彩超|CT|CT|核磁|胃镜|肠镜|医院|手术后|治疗|输液|打针|吊针|确诊|看过|住院|报告"),
    ("medications", r"药|片|胶囊|颗粒|口服|服用|膏|布洛芬|阿莫西林|头孢|益生菌|妈咪爱|思密达|奥美拉唑|吗丁啉|胰岛素"),
    ("social_history", r"吸烟|抽烟|喝酒|饮酒|嗜酒|戒烟|工作|职业|压力|熬夜|结婚|离婚|已婚|未婚|上班|学生|久坐|吸毒"),
    ("past_history", r"病史|以前|既往|曾经|高血压|糖尿病|冠心病|手术|做过|得过|老毛病|外伤|小时候"),
    (
        "onset",
        r"前(?:开始|出现|发|因|无|突|自|$|，)|开始|突然|昨天|今天|昨晚|前天|上周|上个?月|最近|近来|"
        r"近[一二两三四五六七八九十几\d]|"
        r"[一二两三四五六七八九十几半\d]+(?:个)?(?:多)?(?:天|周|月|年|小时|星期)",
    ),
    ("relief", r"缓解|减轻|好转|好一?[些点]|舒服(?:一)?点|消失"),
    ("provocation", r"加重|饭后|运动后|诱因|劳累|一.{1,4}就|活动后|吃.{0,6}就|之后|空腹"),
    ("timing", r"阵发|反复|经常|每天|夜间|晚上|早上|早晨|偶尔|持续|间断|一天.{0,3}次|有时|总是|一直"),
    ("course", r"越来越|逐渐|渐|扩散|没有?好|变"),
    ("severity", r"严重|厉害|剧烈|轻微|难受|受不了|疼得|痛得"),
    ("concern", r"担心|害怕|怕|焦虑|会不会|怀疑|着急"),
    ("general", r"大便|小便|食欲|胃口|睡眠|睡不|失眠|体重|乏力|精神|没劲|出汗|排便|吃饭|饮食|瘦|胖|放屁|体温"),
    ("quality", r"胀痛|刺痛|隐痛|绞痛|灼|烧心|酸痛|痒|颜色|麻"),
    ("location", r"左|右|上腹|下腹|肚脐|部位|两侧|后背|周围"),
)
_SPECIFIC = {
    "en": re.compile(
        r"sexual|\bsex\b|intercourse|condom|drug use|cocaine|marijuana|cannabis|ecstasy|heroin|steroid use|"
        r"anabolic|illicit|alcohol|\bdrinks?\b|beer|wine|vodka|smok|tobacco|suicid|psychiatr|depress|"
        r"halluc|delusion|"
        r"paranoi|prison|incarcerat|abuse|schizo|bipolar|self-harm|anxiety|genital|gonorrh|syphil|"
        r"\bhiv\b",
        re.I,
    ),
    "zh": re.compile(
        r"性生活|性行为|同房|手淫|早泄|阳痿|性伴|性病|梅毒|艾滋|吸毒|毒品|自杀|自残|抑郁|幻觉|妄想|酗酒|嗜酒|饮酒|"
        r"喝酒|抽烟|吸烟|流产|嫖"
    ),
}


@cache
def _rules(language: Language) -> tuple[tuple[Topic, re.Pattern[str]], ...]:
    return tuple((topic, re.compile(cue, re.I)) for topic, cue in (_EN if language == "en" else _ZH))


def topic_of(text: str, language: Language, default: Topic = "associated") -> Topic:
    """Return the first topic whose cue stands in ``text``, the most telling topics being tried first."""
    return next((topic for topic, cue in _rules(language) if cue.search(text)), default)


def disclosure_of(text: str, topic: Topic, language: Language) -> Disclosure:
    """Return ``specific`` for social, sexual, psychiatric and drug matters, else ``asked``."""
    return "specific" if topic == "social_history" or _SPECIFIC[language].search(text) else "asked"
