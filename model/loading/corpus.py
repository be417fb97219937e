"""Sentences of the consulting room, written for this project, from which the tiny tokenizer learns its merges."""

from __future__ import annotations

ZH = """
医生您好，我最近两天一直咳嗽，晚上咳得睡不着。
您好，请坐。哪里不舒服？从什么时候开始的？
大概三天前开始发烧，最高到过三十九度，吃了退烧药以后会好一点。
有没有痰？痰是什么颜色的？有没有带血？
有一点黄色的痰，没有血，胸口有时候会闷，喘气也比平时费力。
以前有没有高血压、糖尿病或者心脏病？
我父亲有高血压，我自己去年体检的时候血糖有点高，没有吃药。
您对什么药物过敏吗？比如青霉素、头孢，或者阿司匹林？
没有发现过敏。平时偶尔抽烟，不喝酒，睡眠也不太好。
肚子疼在哪个位置？是一直疼还是一阵一阵地疼？
右下腹疼，从昨天下午开始，先是肚脐周围疼，后来转到了右边。
疼得厉害吗？如果从一到十打分，您觉得是几分？
大概七分，走路的时候更疼，还有点恶心，吐了两次，没有拉肚子。
请躺下，我给您检查一下。按这里疼不疼？松手的时候呢？
我们先做一个血常规和腹部超声，看看有没有阑尾炎的可能。
检查结果出来了，白细胞偏高，需要进一步检查。
头疼是跳着疼还是胀着疼？有没有看东西模糊，或者手脚发麻？
主要是左边太阳穴跳着疼，怕光，怕吵，休息以后能缓解一些。
最近工作压力大不大？每天睡几个小时？情绪怎么样？
压力挺大的，每天只睡五个小时，心情也不好，容易着急。
孩子今年四岁，昨天夜里开始发热，耳朵疼，不肯吃东西。
小朋友的疫苗都按时打了吗？最近有没有接触过生病的人？
幼儿园里有几个孩子感冒了，他的疫苗都打过了。
皮肤上这些红疹是什么时候出现的？痒不痒？有没有换过新的洗衣液？
上周开始的，很痒，晚上更明显，用了一点药膏，没有什么效果。
膝盖肿了一个多星期，上下楼梯的时候特别疼，早上起来有点僵硬。
以前有没有受过伤？关节有没有发红、发热？
月经规律吗？最后一次月经是什么时候？有没有可能怀孕？
小便的时候疼不疼？颜色深不深？一天大概去几次厕所？
夜里要起来三四次，总觉得口渴，最近三个月体重轻了五公斤。
这种情况要查一下空腹血糖和糖化血红蛋白，也要查尿常规。
胸痛的时候会不会放射到左胳膊或者后背？持续多长时间？
爬楼的时候胸口像压了一块石头，出冷汗，停下来几分钟就好了。
建议您马上做心电图和心肌酶，不要自己走动，我们安排轮椅。
根据您的描述和检查，我考虑是上呼吸道感染，不过还不能排除肺炎。
先拍一张胸片，如果没有大问题，就回家多喝水，多休息。
这个药一天三次，一次一片，饭后吃，连续吃五天。
如果体温超过三十八度五，或者呼吸困难，请立即来医院急诊。
吃药期间不要喝酒，不要开车，少吃辛辣和油腻的食物。
一周以后来复查，把这次的化验单一起带来。
谢谢医生，我明白了，请问需要住院吗？
暂时不需要住院，但是要注意观察，有变化随时联系我们。
我还想问一下，这个病会不会传染给家里的老人和孩子？
尽量戴口罩，勤洗手，房间经常开窗通风，就不用太担心。
记录里没有写到这一点，我不太清楚，可能要问我的家人。
您平时吃什么药？按医生的要求吃吗？有没有自己停过药？
降压药吃了两年，最近觉得血压正常，就停了一个月。
不要自己突然停药，血压会反弹，很危险。
请把嘴张开，说“啊”。喉咙有点红，扁桃体不大。
最近有没有去过外地或者国外？有没有被动物咬过？
大便是什么颜色？有没有黑便或者带血？排便有没有困难？
胃疼一般是在吃饭前还是吃饭后？有没有反酸、烧心？
空着肚子的时候疼，吃点东西就好些，半夜有时会疼醒。
可以做一个胃镜，同时查一下幽门螺杆菌，必要时用药治疗。
腰疼了半年，坐久了会加重，右腿后面有时候发麻。
先做腰椎的核磁共振，看看有没有椎间盘突出压迫神经。
眼睛干涩，看电脑时间长了就疼，视力好像也下降了。
我有点害怕，不知道是不是很严重的病，会不会是癌症？
您先别紧张，我们一步一步来，把该做的检查做完再判断。
好的，那就按您说的办，下周三上午我再来。
"""

EN = """
Good morning, doctor. I have had a cough and a fever since Monday.
Hello, please come in and sit down. What brings you here today?
When did the pain start, and where exactly does it hurt?
It began two days ago, first around my belly button, and then it moved to the lower right side.
How bad is it on a scale from one to ten? Does anything make it better or worse?
About seven. It gets worse when I walk, and lying still helps a little.
Have you had any nausea, vomiting, diarrhea or constipation?
I felt sick and threw up twice last night, but my bowel movements are normal.
Do you have any long-term conditions, such as high blood pressure, diabetes or asthma?
My father had a heart attack at fifty-five, and my mother has type two diabetes.
Are you taking any medicines at the moment? Any allergies to drugs or food?
I take a tablet for my blood pressure every morning. I am allergic to penicillin.
Do you smoke or drink alcohol? How much, and for how long?
I used to smoke a pack a day, but I stopped ten years ago.
Have you noticed any chest pain, shortness of breath or palpitations?
It feels like a heavy weight on my chest when I climb the stairs, and it goes away when I rest.
Does the pain spread to your left arm, your jaw or your back?
Sometimes it goes down my left arm, and I sweat a lot.
I would like to do an electrocardiogram and some blood tests right away.
How have you been sleeping lately? Is there a lot of stress at work?
I only sleep four or five hours, and I wake up tired with a headache.
Is the headache on one side? Do bright lights or loud noises bother you?
Yes, it throbs behind my right eye, and I need to lie down in a dark room.
My daughter is three years old; she has been pulling at her ear and she will not eat.
Are her vaccinations up to date? Has anyone else in the family been ill?
There is a red, itchy rash on both of my arms; it came up after I changed the soap.
My knee has been swollen for about a week, and it is stiff in the morning.
Did you fall or twist it? Is the joint warm or red?
Does it burn when you pass urine? Do you have to go more often than usual?
I am always thirsty, I get up three times a night, and I have lost five kilograms.
We should check your fasting glucose, your kidneys and your thyroid.
Let me listen to your heart and lungs. Take a deep breath, please, and hold it.
Your temperature is thirty-eight point five and your pulse is one hundred and ten.
The white blood cell count is raised, so an infection is likely.
An ultrasound of the abdomen will show whether the appendix is inflamed.
The chest X-ray is clear, which makes pneumonia unlikely, but we cannot rule it out yet.
From what you tell me, this is most probably a viral infection of the upper airways.
Drink plenty of water, get some rest and take paracetamol if the fever comes back.
Take one tablet three times a day after meals for five days, and finish the whole course.
If you have trouble breathing, or if the pain gets worse, go to the emergency department at once.
Please come back in a week, and bring the results with you.
Do I need to stay in the hospital, or can I go home tonight?
You can go home, but somebody should stay with you and watch for any change.
Is it contagious? I live with my parents, and they are over eighty.
Wash your hands often, wear a mask and keep the windows open.
That is not written in my record, so I really do not know.
I stopped taking my pills last month because I felt fine.
Please do not stop them suddenly; your blood pressure could rise quickly.
Have you travelled recently, or been bitten by an insect or an animal?
Was there any blood in your stool, or was it black?
The burning in my stomach is worse before breakfast, and eating helps.
We could look at your stomach with a camera and test for bacteria.
My lower back has hurt for half a year, and my right foot goes numb when I sit.
An MRI of the spine will tell us whether a disc is pressing on the nerve.
I am afraid that it could be something serious, like cancer.
I understand that you are worried; let us go through it step by step.
Thank you very much, doctor. I will do what you said.
What would you like to know about your treatment before you leave?
"""
