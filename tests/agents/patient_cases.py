"""Small cases and question lists that the patient's tests share; written for them."""

from __future__ import annotations

from scenarios.schema import Case

EN = Case.model_validate({
    "id": "en-stomach", "language": "en", "urgency": "urgent",
    "demographics": {"age_years": 47, "sex": "male"},
    "chief_complaint": "I've had a burning pain in my stomach for three weeks.",
    "facts": [
        {"id": "onset", "topic": "onset", "text": "It came on bit by bit about three weeks ago, after a rough month.", "critical": True},
        {"id": "place", "topic": "location", "text": "It sits right under my ribs, in the middle."},
        {"id": "severity", "topic": "severity", "text": "At its worst I'd call it a six."},
        {"id": "quality", "topic": "quality", "text": "It gnaws, as if I had swallowed a hot coal."},
        {"id": "timing", "topic": "timing", "text": "It wakes me around two in the morning, most nights."},
        {"id": "worse", "topic": "provocation", "text": "An empty stomach brings it on."},
        {"id": "better", "topic": "relief", "text": "A glass of milk settles it for an hour."},
        {"id": "course", "topic": "course", "text": "It has been building up week by week."},
        {"id": "queasy", "topic": "associated", "text": "I feel queasy in the mornings.", "disclosure": "volunteered"},
        {"id": "tired", "topic": "associated", "text": "I'm worn out by noon.", "critical": True},
        {"id": "stools", "topic": "associated", "text": "My stools were black twice last week.", "disclosure": "specific", "critical": True, "cues": ["tarry stool", "black stool"]},
        {"id": "pressure", "topic": "past_history", "text": "I've had high blood pressure since I was forty."},
        {"id": "appendix", "topic": "past_history", "text": "They took my appendix out when I was a boy.", "cues": ["operation", "surgery"]},
        {"id": "pills", "topic": "medications", "text": "I take amlodipine every morning."},
        {"id": "ibuprofen", "topic": "medications", "text": "I swallow two ibuprofen most evenings for my knee.", "disclosure": "specific", "critical": True, "cues": ["painkillers", "over the counter"]},
        {"id": "allergy", "topic": "allergies", "text": "Penicillin brings me out in a rash."},
        {"id": "father", "topic": "family_history", "text": "My father died of a bleeding stomach at sixty."},
        {"id": "cigarettes", "topic": "social_history", "text": "I get through ten cigarettes a day.", "disclosure": "specific"},
        {"id": "job", "topic": "social_history", "text": "I drive a night bus."},
        {"id": "gp", "topic": "prior_care", "text": "The chemist gave me an antacid, it hardly helped."},
        {"id": "appetite", "topic": "general", "text": "I hardly touch my dinner these days."},
        {"id": "worry", "topic": "concern", "text": "I keep thinking of what happened to my dad."},
    ],
    "absences": [
        {"id": "no-fever", "name": "fever"}, {"id": "no-vomit", "name": "vomiting", "critical": True},
        {"id": "no-weight-loss", "name": "weight loss"}, {"id": "no-chest-pain", "name": "chest pain"},
        {"id": "no-swallow", "name": "trouble swallowing"}, {"id": "no-travel", "name": "recent travel", "topic": "exposure"},
        {"id": "no-alcohol", "name": "alcohol", "topic": "social_history"}, {"id": "no-diabetes", "name": "diabetes", "topic": "past_history"},
    ],
    "findings": [{"id": "hb", "kind": "lab", "name": "Full blood count", "aliases": ["CBC", "FBC"], "result": "Haemoglobin 98 g/L."}],
    "diagnosis": {"name": "Peptic ulcer disease", "aliases": ["stomach ulcer", "duodenal ulcer"]},
    "provenance": {"source": "written for the tests"},
})

ZH = Case.model_validate({
    "id": "zh-gut", "language": "zh", "demographics": {"age_years": 34, "sex": "female"},
    "chief_complaint": "医生，我肚子疼，还拉肚子。",
    "facts": [
        {"id": "onset", "topic": "onset", "text": "前天晚上吃完路边摊就开始了", "critical": True},
        {"id": "place", "topic": "location", "text": "主要在肚脐周围，一阵阵往下坠"},
        {"id": "severity", "topic": "severity", "text": "最难受的时候直不起腰来"},
        {"id": "quality", "topic": "quality", "text": "像有人在里面拧毛巾"},
        {"id": "timing", "topic": "timing", "text": "一天要跑七八趟厕所"},
        {"id": "worse", "topic": "provocation", "text": "一喝凉的就更厉害"},
        {"id": "better", "topic": "relief", "text": "捂个热水袋能松快些"},
        {"id": "course", "topic": "course", "text": "昨天起比头一天轻了点"},
        {"id": "nausea", "topic": "associated", "text": "早上总恶心", "disclosure": "volunteered"},
        {"id": "fever", "topic": "associated", "text": "昨晚烧到三十八度五", "critical": True},
        {"id": "mucus", "topic": "associated", "text": "拉的东西带点黏液和血丝", "disclosure": "specific", "critical": True, "cues": ["便血", "大便带血", "黏液"]},
        {"id": "gastritis", "topic": "past_history", "text": "十年前得过胆结石"},
        {"id": "surgery", "topic": "past_history", "text": "生老大的时候做过剖腹产手术", "cues": ["开刀"]},
        {"id": "pills", "topic": "medications", "text": "就吃了两包蒙脱石散", "cues": ["止泻药"]},
        {"id": "painkiller", "topic": "medications", "text": "来例假时会吃布洛芬", "disclosure": "specific"},
        {"id": "allergy", "topic": "allergies", "text": "打青霉素起过疹子"},
        {"id": "family", "topic": "family_history", "text": "我妈有糖尿病"},
        {"id": "smoke", "topic": "social_history", "text": "我一天抽半包烟", "disclosure": "specific"},
        {"id": "job", "topic": "social_history", "text": "我在幼儿园当老师"},
        {"id": "contact", "topic": "exposure", "text": "班上有三个小朋友也在拉肚子"},
        {"id": "care", "topic": "prior_care", "text": "社区门诊只给开了点药，没抽血"},
        {"id": "appetite", "topic": "general", "text": "这两天只喝得下白粥"},
        {"id": "worry", "topic": "concern", "text": "我就怕传给家里的孩子"},
    ],
    "absences": [
        {"id": "no-vomit", "name": "呕吐", "critical": True}, {"id": "no-weight", "name": "体重下降"},
        {"id": "no-chest", "name": "胸痛"}, {"id": "no-dysuria", "name": "尿痛"},
        {"id": "no-travel", "name": "外出旅游", "topic": "exposure"}, {"id": "no-alcohol", "name": "喝酒", "topic": "social_history"},
        {"id": "no-hypertension", "name": "高血压", "topic": "past_history"}, {"id": "no-dizzy", "name": "头晕"},
    ],
    "findings": [{"id": "stool", "kind": "lab", "name": "便常规", "aliases": ["大便常规", "粪便检查"], "result": "白细胞++，红细胞+。"}],
    "diagnosis": {"name": "细菌性痢疾", "aliases": ["菌痢", "痢疾"]},
    "provenance": {"source": "written for the tests"},
})

ZH_MOTHER = Case.model_validate({
    "id": "zh-child", "language": "zh", "demographics": {"age_years": 3, "sex": "male"},
    "speaker": {"kind": "caregiver", "relation": "妈妈", "calls_patient": "孩子"},
    "chief_complaint": "孩子咳嗽三天了。",
    "facts": [
        {"id": "night", "topic": "timing", "text": "一到后半夜就咳得厉害", "critical": True},
        {"id": "nose", "topic": "associated", "text": "他还流清鼻涕"},
    ],
    "absences": [{"id": "no-fever", "name": "发烧", "critical": True}],
    "diagnosis": {"name": "急性支气管炎"}, "provenance": {"source": "written for the tests"},
})

EN_DAUGHTER = Case.model_validate({
    "id": "en-mother", "language": "en", "demographics": {"age_years": 79, "sex": "female"},
    "speaker": {"kind": "caregiver", "relation": "daughter", "calls_patient": "my mother"},
    "chief_complaint": "My mother fell in the kitchen this morning.",
    "facts": [{"id": "hip", "topic": "location", "text": "She holds her left hip.", "critical": True}],
    "absences": [{"id": "no-fever", "name": "fever"}],
    "diagnosis": {"name": "Hip fracture"}, "provenance": {"source": "written for the tests"},
})

UNKNOWN = ""
"""Expected where nothing is recorded: the patient must not know."""

EN_QUESTIONS = [
    ("When did this start?", "onset"), ("How long have you had this?", "onset"), ("How long has this been going on?", "onset"),
    ("Did it come on suddenly or gradually?", "onset"), ("When did you first notice the pain?", "onset"),
    ("Where exactly does it hurt?", "place"), ("Can you show me where the pain is?", "place"), ("Does the pain spread anywhere?", "place"),
    ("How bad is the pain?", "severity"), ("On a scale of one to ten, how would you rate it?", "severity"), ("How severe is it?", "severity"),
    ("What does the pain feel like?", "quality"), ("Can you describe the pain?", "quality"), ("Is the pain sharp or dull?", "quality"),
    ("How often do you get it?", "timing"), ("Is it constant or does it come and go?", "timing"), ("Is there a time of day when it is worse?", "timing"),
    ("Does anything make it worse?", "worse"), ("What brings it on?", "worse"), ("Have you noticed any triggers?", "worse"),
    ("What makes it better?", "better"), ("Does anything relieve the pain?", "better"), ("Has it been getting worse?", "course"),
    ("How has it changed over time?", "course"), ("Do you feel sick at all?", "queasy"), ("Any nausea?", "queasy"),
    ("Do you feel tired?", "tired"), ("Have you had any fatigue?", "tired"), ("Do you have any other symptoms?", "tired"),
    ("Is there anything else bothering you?", "tired"), ("Have you noticed any blood in your stool?", "stools"), ("Have your stools been black?", "stools"),
    ("Any medical problems in the past?", "pressure"), ("Do you have any past medical history?", "pressure"), ("Do you suffer from hypertension?", "pressure"),
    ("Do you have any chronic illnesses?", "pressure"), ("Have you ever had surgery?", "appendix"), ("Any operations?", "appendix"),
    ("Are you taking any medicines?", "pills"), ("What medications do you take?", "pills"), ("Are you on any tablets?", "pills"),
    ("Do you use any painkillers?", "ibuprofen"), ("Do you take any NSAIDs such as ibuprofen?", "ibuprofen"), ("Do you take anything over the counter?", "ibuprofen"),
    ("Do you have any allergies?", "allergy"), ("Are you allergic to any medicine?", "allergy"), ("Are you allergic to penicillin?", "allergy"),
    ("Does anyone in your family have stomach problems?", "father"), ("Is there any family history I should know of?", "father"),
    ("Do you smoke?", "cigarettes"), ("Do you use tobacco?", "cigarettes"), ("What do you do for a living?", "job"),
    ("Have you seen another doctor about this?", "gp"), ("Have you tried any treatment?", "gp"), ("What are you most worried about?", "worry"),
    ("Do you have a fever?", "no-fever"), ("Have you been running a temperature?", "no-fever"), ("Have you been throwing up?", "no-vomit"),
    ("Have you lost any weight?", "no-weight-loss"), ("Any pain in your chest?", "no-chest-pain"), ("Do you find it hard to swallow?", "no-swallow"),
    ("Have you travelled recently?", "no-travel"), ("Do you drink alcohol?", "no-alcohol"), ("Do you have diabetes?", "no-diabetes"),
    ("How is your appetite?", "appetite"), ("Are you eating well?", "appetite"),
    ("Do you have any joint swelling?", UNKNOWN), ("Have you had headaches?", UNKNOWN), ("Any ringing in your ears?", UNKNOWN),
    ("Have you been vaccinated?", UNKNOWN), ("Do you have night sweats?", UNKNOWN), ("What was your blood sugar?", UNKNOWN),
    ("Do you keep any pets?", UNKNOWN), ("What colour is your car?", UNKNOWN), ("Have you had a cough?", UNKNOWN), ("Do you own a bicycle?", UNKNOWN),
]

ZH_QUESTIONS = [
    ("什么时候开始的？", "onset"), ("多久了？", "onset"), ("这种情况持续多长时间了？", "onset"), ("是突然开始的吗？", "onset"), ("肚子疼几天了？", "onset"),
    ("具体哪里疼？", "place"), ("疼在什么位置？", "place"), ("疼痛会不会放射到别处？", "place"),
    ("疼得厉害吗？", "severity"), ("有多严重？", "severity"), ("影响睡觉吗？", "severity"),
    ("是怎么个疼法？", "quality"), ("是绞痛还是胀痛？", "quality"), ("能描述一下疼痛的性质吗？", "quality"),
    ("一天几次？", "timing"), ("是一直疼还是一阵一阵的？", "timing"), ("多久发作一次？", "timing"),
    ("什么情况下会加重？", "worse"), ("吃东西以后会不会更疼？", "worse"), ("跟饮食有关系吗？", "worse"),
    ("怎么样能缓解一些？", "better"), ("有什么办法能舒服点吗？", "better"), ("最近是加重了还是好转了？", "course"), ("这两天有变化吗？", "course"),
    ("恶心吗？", "nausea"), ("有没有反胃？", "nausea"), ("有没有发烧？", "fever"), ("发热吗？", "fever"), ("体温高不高？", "fever"),
    ("还有什么不舒服吗？", "fever"), ("还有其他症状吗？", "fever"), ("大便带血吗？", "mucus"), ("有没有便血？", "mucus"), ("大便里有黏液吗？", "mucus"),
    ("以前得过什么病？", "gastritis"), ("既往病史有哪些？", "gastritis"), ("有慢性病吗？", "gastritis"), ("得过胆结石吗？", "gastritis"),
    ("做过手术吗？", "surgery"), ("开过刀没有？", "surgery"), ("现在在吃什么药？", "pills"), ("用过药吗？", "pills"), ("吃过止泻药吗？", "pills"),
    ("平时吃止痛药吗？", "painkiller"), ("有没有吃过布洛芬？", "painkiller"), ("对什么药物过敏吗？", "allergy"), ("有过敏史吗？", "allergy"), ("青霉素过敏吗？", "allergy"),
    ("家里人有什么病吗？", "family"), ("父母身体怎么样？", "family"), ("您抽烟吗？", "smoke"), ("有吸烟的习惯吗？", "smoke"),
    ("您是做什么工作的？", "job"), ("周围有人也这样吗？", "contact"), ("接触过类似的病人吗？", "contact"),
    ("去医院看过吗？", "care"), ("做过什么检查没有？", "care"), ("胃口怎么样？", "appetite"), ("吃饭怎么样？", "appetite"), ("您最担心什么？", "worry"),
    ("有没有呕吐？", "no-vomit"), ("吐了吗？", "no-vomit"), ("最近瘦了吗？", "no-weight"), ("体重有下降吗？", "no-weight"), ("胸口疼不疼？", "no-chest"),
    ("小便疼吗？", "no-dysuria"), ("最近出去旅游过吗？", "no-travel"), ("喝酒吗？", "no-alcohol"), ("有高血压吗？", "no-hypertension"), ("头晕吗？", "no-dizzy"),
    ("有没有咳嗽？", UNKNOWN), ("关节肿吗？", UNKNOWN), ("有没有耳鸣？", UNKNOWN), ("血压多少？", UNKNOWN), ("您有糖尿病吗？", UNKNOWN),
    ("养宠物吗？", UNKNOWN), ("有没有盗汗？", UNKNOWN), ("您家的车是什么颜色的？", UNKNOWN), ("打过疫苗吗？", UNKNOWN),
]
