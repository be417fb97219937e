"""Rewrites Chinese notes and messages as the speaker would say them, by rule; it knows words, no diagnosis."""

from __future__ import annotations

import re

from scenarios.importers.text import OPENING_LIMIT, cut
from scenarios.schema import Speaker

_PATIENT = re.compile(
    r"(?:该|本)?(?:患者|病人|病患)(?:于|自|在|自诉|自述|诉|家属诉|家长诉)?|(?:自诉|自述|家属诉|家长诉|"
    r"诉)(?=[\u4e00-\u9fff])"
)
_CHILD = re.compile(r"患儿|患童|小儿(?!科|推拿|氨酚|柴|豉)")
_ADMIN = re.compile(
    r"[，,。；;]?[^，,。；;]*(?:来我院|至我院|到我院|收入(?:我)?院|收入院|收住|以[“\"].*?[”\"]收|为求进一步|"
    r"为进一步|门诊以|急诊以|就诊于我|今为|拟[“\"].*?[”\"])[^，,。；;]*"
)
_WORDS = (
    ("无明显诱因及原因", "没什么原因"),
    ("无明显诱因下", "没什么原因"),
    ("无明显诱因", "没什么原因"),
    ("无诱因", "没什么原因"),
    ("伴有", "还有"),
    ("遂", "就"),
    ("予以", "给了"),
    ("未予重视", "没当回事"),
    ("未予治疗", "没治"),
    ("未予处理", "没管"),
    ("症状加重", "症状更厉害了"),
    ("后加重", "后更厉害了"),
    ("较前加重", "比以前更厉害"),
    ("疼痛不适", "疼得不舒服"),
    ("发热", "发烧"),
    ("腹泻", "拉肚子"),
    ("小腹痛", "小肚子疼"),
    ("下腹痛", "下腹疼"),
    ("上腹痛", "上腹疼"),
    ("腹痛", "肚子疼"),
    ("腹胀", "肚子胀"),
    ("头痛", "头疼"),
    ("咽痛", "嗓子疼"),
    ("胸痛", "胸口疼"),
    ("呕吐", "吐"),
    ("纳差", "吃不下饭"),
    ("食欲不振", "没胃口"),
    ("乏力", "没力气"),
    ("夜尿增多", "晚上起夜多"),
    ("鼻塞", "鼻子不通"),
    ("流涕", "流鼻涕"),
    ("咯血", "咳血"),
    ("便血", "大便带血"),
    ("黑便", "大便发黑"),
    ("寐差", "睡不好"),
    ("寐可", "睡得还行"),
    ("纳可", "吃饭还行"),
    ("二便调", "大小便正常"),
    ("大小便如常", "大小便正常"),
    ("嗜睡", "老想睡"),
    ("气促", "喘"),
    ("消瘦", "瘦了"),
    ("反酸", "泛酸水"),
    ("瘙痒", "痒"),
    ("皮疹", "疹子"),
    ("双下肢", "两条腿"),
    ("双上肢", "两只胳膊"),
    ("双侧", "两边"),
    ("晨起", "早上起来"),
    ("进食后", "吃完饭后"),
    ("进食", "吃东西"),
    ("无法", "没法"),
    ("服用", "吃"),
    ("口服", "吃"),
    ("饮酒", "喝酒"),
    ("吸烟", "抽烟"),
)
_GREETING = re.compile(
    r"^(?:(?:医生|大夫|你好|您好|请问(?:一下)?|麻烦|我想(?:请教|咨询|问|了解)(?:一下)?|想(?:请教|咨询|问)(?:一下)?|"
    r"谢谢(?:医生)?|嗯+|哦+|噢+|好的?|"
    r"是的?|对的?|啊+|那+|您|这样|明白了|我明白了|我知道了|知道了|另外|还有(?=[，,])|而且|但是|并且|不过|可是|然后|所以|因为|早上好|下午好|"
    r"晚上好)[，,。！!、~\s：:]*)+"
)
_TAG = re.compile(r"[（(](?:男|女)[，,、 ]?\d+(?:岁|个月|天)[)）]|[（(](?:男|女)[)）]")


def spoken_zh(sentence: str, speaker: Speaker) -> str:
    """Return a sentence of a Chinese record in plain speech, without 患者/病人; a caregiver says 孩子."""
    calls = speaker.calls_patient if speaker.kind == "caregiver" else ""
    text = _ADMIN.sub("", sentence)
    text = _CHILD.sub(calls or "孩子", text)
    text = _PATIENT.sub("", text)
    text = re.sub(r"^于(?=[\d一二三四五六七八九十半数今昨前近])|(?<=[，,])于(?=[\d一二三四五六七八九十])", "", text)
    for clinical, plain in _WORDS:
        text = text.replace(clinical, plain)
    text = re.sub(r"(?:(?<=[，,])|^)伴(?!侣|随)", "还有", text)
    return plain_zh(text)


def plain_zh(text: str) -> str:
    """Return a message without greetings, tags and doubled marks; ``""`` when nothing else was in it."""
    text = _TAG.sub("", re.sub(r"\s+", "", text))
    text = _GREETING.sub("", text)
    return re.sub(r"([，,、])\1+", r"\1", text).strip("，,、。；;：: ~！!.（(")


def opening_zh(complaint: str, speaker: Speaker) -> str:
    """Return the first words to the doctor, within the limit, e.g. ``医生您好，我肚子疼了三天``."""
    calls = speaker.calls_patient if speaker.kind == "caregiver" else ""
    who = calls if calls and calls not in complaint and not re.search(r"孩子|宝宝|小孩|儿子|女儿", complaint) else ""
    if (
        not calls
        and not re.match(r"我|最近|近|前|今|昨|从|自", complaint)
        and len(complaint) <= 20
        and not re.search(r"我", complaint)
    ):
        who = "我"
    said = f"医生您好，{who}{complaint}"
    limit = OPENING_LIMIT["zh"] - 1
    if len(said) > limit:
        parts = re.split(r"(?<=[，,。；;？?！!])", said)
        short = ""
        for part in parts:
            if len(short) + len(part) > limit:
                break
            short += part
        said = short if len(short) > 8 else cut(said, "zh", limit)
    return said.rstrip("，,、。；;：: ") + ("" if said.endswith(("？", "?", "！")) else "。")
