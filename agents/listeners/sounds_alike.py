"""Which characters are taken for which: by sound in Chinese, by sound and keyboard in English; it draws nothing."""

from __future__ import annotations

from functools import cache

_FIRST_OF_SYLLABLE = """
a啊 ai埃 an鞍 ang肮 ao凹 ba芭 bai白 ban斑 bang邦 bao苞 bei杯 ben奔 beng崩 bi逼 bian鞭 biao标 bie鳖 bin彬 bing兵 bo玻
bu捕 ca擦 cai猜 can餐 cang苍 cao操 ce厕 ceng层 cha插 chai拆 chan搀 chang昌 chao超 che车 chen郴 cheng撑 chi吃
chong充 chou抽 chu初 chuai揣 chuan川 chuang疮 chui吹 chun春 chuo戳 ci疵 cong聪 cou凑 cu粗 cuan蹿 cui摧 cun村
cuo磋 da搭 dai呆 dan耽 dang当 dao刀 de德 deng蹬 di堤 dian颠 diao碉 die跌 ding丁 diu丢 dong东 dou兜 du督 duan端
dui堆 dun墩 duo掇 e蛾 en恩 er而 fa发 fan藩 fang坊 fei菲 fen芬 feng丰 fo佛 fou否 fu夫 ga噶 gai该 gan干 gang冈 gao篙
ge哥 gei给 gen根 geng耕 gong工 gou钩 gu辜 gua刮 guai乖 guan棺 guang光 gui瑰 gun辊 guo锅 ha哈 hai骸 han酣 hang夯
hao壕 he呵 hei嘿 hen痕 heng哼 hong轰 hou喉 hu呼 hua花 huai槐 huan欢 huang荒 hui灰 hun荤 huo豁 ji击 jia嘉 jian歼
jiang僵 jiao蕉 jie揭 jin巾 jing荆 jiong炯 jiu揪 ju鞠 juan捐 jue撅 jun均 ka喀 kai开 kan刊 kang康 kao考 ke坷 ken肯
keng坑 kong空 kou抠 ku枯 kua夸 kuai块 kuan宽 kuang匡 kui亏 kun坤 kuo括 la垃 lai莱 lan蓝 lang琅 lao捞 le勒 lei雷
leng棱 li厘 lia俩 lian联 liang粮 liao撩 lie列 lin琳 ling玲 liu溜 long龙 lou楼 lu芦 lv驴 luan峦 lve掠 lun抡 luo萝
ma妈 mai埋 man瞒 mang芒 mao猫 me么 mei玫 men门 meng萌 mi眯 mian棉 miao苗 mie蔑 min民 ming明 miu谬 mo摸 mou谋 mu拇
na拿 nai氖 nan南 nang囊 nao挠 ne呢 nei馁 nen嫩 neng能 ni妮 nian蔫 niang娘 niao鸟 nie捏 nin您 ning柠 niu牛 nong脓
nu奴 nv女 nuan暖 nve虐 nuo挪 o哦 ou欧 pa啪 pai拍 pan攀 pang乓 pao抛 pei呸 pen喷 peng砰 pi坯 pian篇 piao飘 pie撇
pin拼 ping乒 po坡 pu扑 qi期 qia掐 qian牵 qiang枪 qiao橇 qie切 qin钦 qing青 qiong琼 qiu秋 qu趋 quan圈 que缺 qun裙
ran然 rang瓤 rao饶 re惹 ren壬 reng扔 ri日 rong戎 rou揉 ru茹 ruan软 rui蕊 run闰 ruo若 sa撒 sai腮 san三 sang桑 sao搔
se瑟 sen森 seng僧 sha莎 shai筛 shan珊 shang墒 shao梢 she奢 shen砷 sheng声 shi师 shou收 shu蔬 shua刷 shuai摔
shuan栓 shuang霜 shui谁 shun吮 shuo说 si斯 song松 sou搜 su苏 suan酸 sui虽 sun孙 suo蓑 ta塌 tai胎 tan坍 tang汤
tao掏 te特 teng藤 ti梯 tian天 tiao挑 tie贴 ting厅 tong通 tou偷 tu凸 tuan湍 tui推 tun吞 tuo拖 wa挖 wai歪 wan豌
wang汪 wei威 wen瘟 weng嗡 wo挝 wu巫 xi昔 xia瞎 xian掀 xiang相 xiao萧 xie楔 xin薪 xing星 xiong兄 xiu休 xu墟 xuan轩
xue靴 xun勋 ya压 yan焉 yang殃 yao邀 ye椰 yi一 yin茵 ying英 yo哟 yong拥 you幽 yu迂 yuan鸳 yue曰 yun耘 za匝 zai栽
zan咱 zang赃 zao遭 ze责 zei贼 zen怎 zeng增 zha扎 zhai摘 zhan瞻 zhang樟 zhao招 zhe遮 zhen珍 zheng蒸 zhi芝 zhong中
zhou舟 zhu珠 zhua抓 zhuai拽 zhuan专 zhuang桩 zhui椎 zhun谆 zhuo捉 zi兹 zong鬃 zou邹 zu租 zuan钻 zui嘴 zun尊 zuo昨
"""
"""GB/T 2312 lists its 3,755 first-level characters by pronunciation; here is where each syllable begins (v: ü)."""

_ALIKE_BEGINNINGS = (("z", "zh"), ("c", "ch"), ("s", "sh"), ("l", "n"), ("l", "r"), ("f", "h"), ("b", "p"), ("d", "t"))
_ALIKE_ENDINGS = (("in", "ing"), ("en", "eng"), ("an", "ang"))
_LETTERS = {
    "a": "eosiu", "b": "pdvn", "c": "kseg", "d": "tbgs", "e": "aiour", "f": "vtph", "g": "kjdh", "h": "gfjn",
    "i": "eyauo", "j": "gyhc", "k": "cgqt", "l": "rwin", "m": "nbw", "n": "mdbl", "o": "uaei", "p": "btfd",
    "q": "kwc", "r": "lwet", "s": "zcxt", "t": "dpkr", "u": "oaei", "v": "fbw", "w": "vrul", "x": "szc",
    "y": "iuej", "z": "sxc",
}
"""Letters that stand for similar sounds first, then neighbours on the keyboard."""
_DIGITS = {
    "zh": {"0": "69", "1": "7", "2": "8", "3": "8", "4": "10", "5": "0", "6": "9", "7": "1", "8": "2", "9": "6"},
    "en": {"0": "4", "1": "9", "2": "3", "3": "2", "4": "5", "5": "9", "6": "8", "7": "1", "8": "6", "9": "5"},
}
"""一 and 七, 六 and 九, 四 and 十; five and nine: what telephones are bad at."""
FILLERS = {"zh": "的了是啊嗯呃那就个我有不", "en": "aeiourstnl"}
"""What is heard where nothing was said."""


def alike(character: str, language: str) -> str:
    """Return characters that ``character`` may be taken for, the likeliest repeated; never itself, never none."""
    folded = character.casefold()
    if folded in _LETTERS:
        return _LETTERS[folded]
    if character in _DIGITS["en"]:
        likely = _DIGITS["zh" if language == "zh" else "en"][character]
        return likely * 4 + "0123456789".replace(character, "")
    if found := _chinese(character):
        return found
    return (FILLERS["en"] if language == "en" and ord(folded[0]) < _FIRST_HAN else FILLERS["zh"]).replace(folded, "")


_FIRST_HAN = 0x2E80
_NEAR, _NEAR_AGAIN = 6, 3


def _chinese(character: str) -> str:
    """Return the homophones (those of the same tone stand nearest), three times, and the similar syllables, once."""
    place = _places().get(character)
    if place is None:
        return ""
    syllable, index = place
    own = _syllables()[syllable]
    near = own[max(0, index - _NEAR) : index] + own[index + 1 : index + 1 + _NEAR]
    tone = (index + 0.5) / len(own)
    far = "".join(_around(_syllables().get(other, ""), tone) for other in sorted(_similar(syllable)))
    return near * _NEAR_AGAIN + far or FILLERS["zh"].replace(character, "")


def _around(characters: str, tone: float) -> str:
    middle = round(tone * len(characters))
    return characters[max(0, middle - _NEAR // 2) : middle + _NEAR // 2]


def _similar(syllable: str) -> set[str]:
    """Return the syllables that speakers of many regions do not keep apart from this one."""
    found: set[str] = set()
    for one, other in (*_ALIKE_BEGINNINGS, *(pair[::-1] for pair in _ALIKE_BEGINNINGS)):
        if _initial(syllable) == one:
            found.add(other + syllable[len(one):])
    for short, long in _ALIKE_ENDINGS:
        if syllable.endswith(long):
            found.add(syllable.removesuffix(long) + short)
        elif syllable.endswith(short):
            found.add(syllable.removesuffix(short) + long)
    return found


def _initial(syllable: str) -> str:
    return syllable[:2] if syllable[1:2] == "h" else syllable[:1]


@cache
def _syllables() -> dict[str, str]:
    """Return the first-level characters of each syllable, in the standard's order (by tone, then by strokes)."""
    ordered = bytes(
        byte for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF if row < 0xD7 else 0xFA) for byte in (row, cell)
    ).decode("gb2312")
    entries = _FIRST_OF_SYLLABLE.split()
    starts = [ordered.index(entry[-1]) for entry in entries] + [len(ordered)]
    return {entry[:-1]: ordered[a:b] for entry, a, b in zip(entries, starts, starts[1:], strict=False)}


@cache
def _places() -> dict[str, tuple[str, int]]:
    return {
        character: (syllable, index)
        for syllable, characters in _syllables().items() for index, character in enumerate(characters)
    }
