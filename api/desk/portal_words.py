"""What the customer's pages say, in English and Chinese: every sentence in one place, side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

LANGUAGES: Mapping[str, str] = {"en": "English", "zh": "中文"}
"""Each language by its own name."""
MAIL_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
"""What an e-mail address looks like, as far as it can be told before a mail is sent there."""
TAGS: Mapping[str, str] = {"en": "en", "zh": "zh-Hant"}
"""What the page's `lang` is set to (BCP 47)."""

_WORDS: Mapping[str, tuple[str, str]] = {
    "skip": ("Skip to the content", "跳至主要內容"),
    "languages": ("Languages", "語言"),
    "title": ("Your complaint {reference}", "您的投訴 {reference}"),
    "steps": ("Where it stands", "目前進度"),
    "received": ("Received", "已收到"),
    "investigating": ("Being looked into", "調查中"),
    "deciding": ("Being decided", "決定中"),
    "answered": ("Answered", "已答覆"),
    "closed": ("Closed", "已結案"),
    "now_received": (
        "We have your complaint and are getting it to the right person.",
        "我們已收到您的投訴，正交由適當人員處理。",
    ),
    "now_investigating": ("We are finding out what happened.", "我們正在了解事情經過。"),
    "now_disputed": (
        "You contested our answer. Somebody who had no hand in it looks at it again.",
        "您對我們的答覆提出異議，未曾參與處理的人員正在重新審視。",
    ),
    "now_deciding": (
        "We know what happened and are deciding what to do about it.",
        "我們已了解經過，正在決定如何處理。",
    ),
    "now_answered": (
        "Our answer is on its way to you, or with you. Please tell us whether it settles the matter.",
        "我們的答覆已發出或已送達，請告知我們事情是否已獲解決。",
    ),
    "now_closed": ("This matter is closed.", "此事已結案。"),
    "now_withdrawn": ("You took this complaint back.", "您已撤回此投訴。"),
    "now_merged": (
        "This complaint is dealt with together with another of yours.",
        "此投訴已與您的另一宗投訴合併處理。",
    ),
    "now_declined": (
        "We can not take this complaint up. Our letter says why.",
        "我們未能受理此投訴，原因見我們的信件。",
    ),
    "now_forwarded": (
        "We passed this on to somebody who can answer it. Our letter says to whom.",
        "我們已將此事轉交能夠答覆的一方，詳見我們的信件。",
    ),
    "received_at": ("We received it on {date}.", "我們於 {date} 收到。"),
    "next_news": ("Next news by {date}.", "下次消息：{date} 前。"),
    "news_late": (
        "We owed you news by {date}, and are late. We are sorry.",
        "我們應於 {date} 前給您消息，現已逾期，謹此致歉。",
    ),
    "no_news": ("No date is set for further news.", "目前沒有預定的下次消息日期。"),
    "waiting": (
        "We are waiting to hear from you. The time until you write does not count. You can write to us below.",
        "我們正等候您的回覆，等候期間不計入時限。您可在下方與我們聯絡。",
    ),
    "outside": ("You may turn to somebody else", "您可向外部機構求助"),
    "outside_text": (
        "Because we are late you may turn to {body} now: {contact}. It costs you none of your rights here.",
        "由於我們已逾期，您現在可聯絡{body}：{contact}。這不影響您在此處的任何權利。",
    ),
    "letters": ("Letters from us", "我們的信件"),
    "no_letters": ("We have not written to you yet.", "我們尚未致函給您。"),
    "read": ("Read {kind}", "閱讀{kind}"),
    "acknowledgement": ("our acknowledgement", "確認信"),
    "receipt": ("our receipt", "收訖通知"),
    "question": ("our question to you", "我們的詢問"),
    "reminder": ("our reminder", "提醒信"),
    "reply": ("our answer to your message", "就您訊息的答覆"),
    "extension": ("why we need more time", "延期通知"),
    "dispute_acknowledgement": ("our receipt of your dispute", "異議收訖通知"),
    "progress_report": ("our report on progress", "進度報告"),
    "holding_reply": ("our interim reply", "暫時答覆"),
    "final_response": ("our final response", "最終答覆"),
    "dispute_outcome": ("the outcome of the review", "複核結果"),
    "declined": ("why we can not take it up", "不予受理通知"),
    "forwarded": ("to whom we passed it on", "轉交通知"),
    "satisfaction_request": ("our question how content you are", "滿意度調查"),
    "systemic_update": ("news about the matter", "事項進展"),
    "queued": ("on its way", "寄送中"),
    "sent": ("sent", "已寄出"),
    "delivered": ("reached you", "已送達"),
    "bounced": ("came back to us", "被退回"),
    "served_otherwise": ("handed to you", "已另行送達"),
    "back": ("Back to your complaint", "返回您的投訴"),
    "erased": ("The texts of this complaint were erased.", "此投訴的文字已被刪除。"),
    "settled": ("Does our answer settle the matter?", "我們的答覆是否已解決此事？"),
    "confirm": ("Yes, the matter is settled for me", "是，此事對我而言已解決"),
    "confirm_then": (
        "We close your complaint. For a while it can be opened again.",
        "我們將結案，其後一段時間內仍可重新處理。",
    ),
    "dispute": ("No, I contest the answer", "否，我對答覆有異議"),
    "dispute_then": (
        "Somebody who had no hand in it looks at it again and writes to you. An answer can be contested once.",
        "未曾參與處理的人員將重新審視並致函給您。每份答覆只可提出一次異議。",
    ),
    "say_why": (
        "What do you want to tell us? If you contest the answer, say what is wrong with it.",
        "您想告訴我們什麼？如有異議，請說明答覆有何不妥。",
    ),
    "go_on": ("Go on", "繼續"),
    "sure": ("Please confirm", "請確認"),
    "sure_send": ("Yes, send it", "是，送出"),
    "you_say": ("You say:", "您的意見："),
    "remedy": ("We offer you: {remedy}", "我們向您提供：{remedy}"),
    "accept": ("I accept it", "我接受"),
    "accept_then": ("We give it to you by the date in our letter.", "我們將按信件所述日期兌現。"),
    "refuse": ("I do not accept it", "我不接受"),
    "refuse_then": ("You do not get it. Your complaint goes on.", "您將不會獲得此項，投訴將繼續處理。"),
    "score": ("How content are you with the way we handled this?", "您對我們的處理方式有多滿意？"),
    "score_1": ("1, not at all", "1，非常不滿意"),
    "score_5": ("5, very", "5，非常滿意"),
    "aspects": ("And with each side of it?", "各方面的滿意度如何？"),
    "attitude": ("The way you were treated", "服務態度"),
    "professionalism": ("How well we knew our work", "專業程度"),
    "efficiency": ("How quickly we worked", "處理效率"),
    "solution": ("How far the problem is solved", "問題解決程度"),
    "recommend": ("How likely are you to recommend us to others?", "您有多大可能向他人推薦我們？"),
    "recommend_0": ("0, not at all", "0，完全不可能"),
    "recommend_10": ("10, certainly", "10，非常可能"),
    "not_said": ("No answer", "不作答"),
    "comment": ("Why?", "原因"),
    "channel": ("How we reach you", "我們如何聯絡您"),
    "channel_legend": ("Send me news by", "請以此方式通知我"),
    "by_mail": ("e-mail", "電郵"),
    "by_phone": ("telephone", "電話"),
    "by_letter": ("letter", "郵寄信件"),
    "channel_address": (
        "Where to, if it is not what you gave us before: the e-mail address, number or postal address",
        "如與先前提供的不同，請填寫電郵地址、電話號碼或郵寄地址",
    ),
    "channel_where": (
        "Tell us where to, too: the e-mail address, the number or the postal address.",
        "請一併填寫電郵地址、電話號碼或郵寄地址。",
    ),
    "channel_same": ("You hear from us this way already.", "我們目前已以此方式聯絡您。"),
    "done_channel": ("From now on you hear from us this way.", "今後我們將以此方式聯絡您。"),
    "message": ("Write to us", "與我們聯絡"),
    "message_label": ("Your message", "您的訊息"),
    "file": ("Send us a file", "傳送檔案"),
    "file_label": (
        "A picture, PDF or other document, at most 25 MB. One at a time.",
        "圖片、PDF 或其他文件，最大 25 MB，每次一個。",
    ),
    "withdraw": ("Take the complaint back", "撤回投訴"),
    "withdraw_then": ("We stop working on it, and it ends here.", "我們將停止處理，此投訴到此為止。"),
    "withdraw-dispute": ("Take the dispute back", "撤回異議"),
    "withdraw-dispute_then": ("Our answer stands.", "我們的答覆維持不變。"),
    "appeal": ("Appeal against our declining it", "對不予受理提出上訴"),
    "appeal_then": ("Somebody else looks at it again.", "將由其他人員重新審視。"),
    "reopen": ("Open it again", "重新處理"),
    "reopen_then": ("We take the matter up again.", "我們將重新處理此事。"),
    "reason": ("Why?", "原因"),
    "optional": ("optional", "可不填"),
    "send": ("Send", "送出"),
    "not_done": ("That was not done", "未能完成"),
    "typed_kept": ("What you typed is still below.", "您輸入的內容仍保留在下方。"),
    "choose": ("Choose one of the answers first.", "請先選擇其中一項。"),
    "write_something": (
        "Write something first: at most 20,000 characters.",
        "請先填寫內容，最多 20,000 字。",
    ),
    "done_message": ("Your message has reached us.", "我們已收到您的訊息。"),
    "done_file": ("Your file has reached us.", "我們已收到您的檔案。"),
    "done_confirm": ("Thank you. You told us that the matter is settled.", "謝謝，您已告知我們此事已解決。"),
    "done_dispute": (
        "You contested our answer. Somebody else looks at it again.",
        "您已提出異議，將由其他人員重新審視。",
    ),
    "done_accept": ("You accepted our offer.", "您已接受我們的提議。"),
    "done_refuse": ("You did not accept our offer.", "您未接受我們的提議。"),
    "done_satisfaction": ("Thank you for telling us how content you are.", "感謝您的評分。"),
    "done_withdraw": ("You took your complaint back.", "您已撤回投訴。"),
    "done_withdraw-dispute": ("You took the dispute back.", "您已撤回異議。"),
    "done_appeal": ("Your appeal has reached us.", "我們已收到您的上訴。"),
    "done_reopen": ("Your complaint is open again.", "您的投訴已重新處理。"),
    "done_waiting": (
        "This was taken and is being carried out. Load the page again in a moment.",
        "已接納，正在處理中，請稍後重新載入此頁。",
    ),
    # what is out of order
    "status": ("Disturbances", "服務狀況"),
    "status_none": ("No known disturbance.", "目前沒有已知的服務中斷。"),
    "status_none_then": (
        "If something does not work for you, tell us.",
        "如您遇到任何問題，請告訴我們。",
    ),
    "status_grade_1": ("Emergency", "緊急"),
    "status_grade_2": ("Disturbance", "一般服務中斷"),
    "status_grade_3": ("Minor disturbance", "輕微服務中斷"),
    "status_over": ("It works again", "服務已恢復"),
    "status_since": ("Since", "開始時間"),
    "status_said_at": ("Last news", "最近消息"),
    "status_news_by": ("Next news by", "下次消息最遲於"),
    "status_reference": ("Reference", "編號"),
    "status_as_of": ("As of {date}.", "截至 {date}。"),
    "status_more": ("All disturbances", "所有服務狀況"),
    "status_erased": ("(the text is gone)", "（文字已刪除）"),
    # making a complaint
    "complain": ("Make a complaint", "提出投訴"),
    "complain_lead": (
        "Tell us what went wrong. You get a reference and a link at once, with which you can follow what we do.",
        "請告訴我們發生了什麼事。您將立即獲得編號和連結，可查看處理進度。",
    ),
    "what_is_it": ("What is it?", "這是什麼？"),
    "complaint": ("A complaint", "投訴"),
    "service_request": ("A request for service", "服務請求"),
    "enquiry": ("A question", "查詢"),
    "suggestion": ("A suggestion", "建議"),
    "subject": ("In a few words", "簡述"),
    "narrative": ("What happened?", "發生了什麼事？"),
    "narrative_hint": (
        "When and where, what you expected, and what would put it right.",
        "何時何地、您原本期望什麼、怎樣才能補救。",
    ),
    "name": ("Your name", "您的姓名"),
    "address": ("Your e-mail address", "您的電郵地址"),
    "address_hint": (
        "Without it we can not write to you; you can still follow it by the link.",
        "如不提供，我們無法致函給您；您仍可透過連結查看。",
    ),
    "write_in": ("Write to me in", "請以此語言與我聯絡"),
    "bad_address": (
        "This is no e-mail address; correct it, or leave it empty.",
        "電郵地址不正確，請更正或留空。",
    ),
    "thanks": ("We have your complaint", "我們已收到您的投訴"),
    "reference": ("Its reference", "編號"),
    "quote": ("Name it whenever you write to us or call.", "與我們聯絡時請提供此編號。"),
    "link": ("Your secret link", "您的私人連結"),
    "link_text": (
        "Whoever has this link can follow your complaint and write to us in your name. Keep it; it is shown only once.",
        "持有此連結的人可查看您的投訴並以您的名義與我們聯絡。請妥善保存，此連結只顯示一次。",
    ),
    "follow": ("Follow your complaint", "查看您的投訴"),
    "kept": (
        "It is kept and is being recorded; the link works in a few moments.",
        "已妥善保存並正在記錄，連結稍後生效。",
    ),
}

_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
           "November", "December")  # fmt: skip
_INSTANT = timedelta(microseconds=1)


class Voice:
    """One language, and the zone that dates are said in."""

    def __init__(self, language: str, zone: str = "UTC") -> None:
        """`language` is one of LANGUAGES."""
        self.language = language
        self.tag = TAGS[language]
        self._zone = ZoneInfo(zone)

    def __call__(self, name: str, **fields: str) -> str:
        """A sentence by its name; KeyError where there is none."""
        english, chinese = _WORDS[name]
        return (chinese if self.language == "zh" else english).format(**fields)

    def date(self, at: datetime) -> str:
        """A day and time in full, with its zone; midnight is the end of the day before."""
        local = at.astimezone(self._zone)
        time = f"{local:%H:%M}"
        if local.timetz().replace(tzinfo=None).isoformat() == "00:00:00":
            local, time = (at - _INSTANT).astimezone(self._zone), "24:00"
        if self.language == "zh":
            return f"{local.year}年{local.month}月{local.day}日 {time}（{self._zone.key}）"
        day = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"
        return f"{day}, {time} ({self._zone.key})"


def language_of(asked: str | None, preferred: str, accepted: str = "") -> str:
    """The language to speak: what was asked for, what the person prefers, what the browser accepts, English."""
    known = [part.split(";")[0].strip().partition("-")[0].lower() for part in accepted.split(",")]
    for wanted in (asked or "", preferred.partition("-")[0].lower(), *known):
        if wanted in LANGUAGES:
            return wanted
    return "en"
