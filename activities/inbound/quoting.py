"""What somebody wrote themselves in a mail, apart from the history that their program put below it. Pure."""

from __future__ import annotations

import re

_LONGEST_LINE = 400
_INTRODUCTIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"^-{2,}\s*(original message|forwarded message|原始邮件|原始郵件|转发邮件|轉寄的郵件)\s*-{2,}$",
        r"^on\b.{4,300}\bwrote:$",
        r"^(on|le|am)\b.{4,200}<[^<>\s]+@[^<>\s]+>.{0,40}:$",
        r"^.{0,200}(于|於|在).{0,200}(写道|寫道)\s*[::]$",
        r"^_{20,}$",
        r"^begin forwarded message:$",
    )
)
_HEADS = re.compile(r"^\*?(from|发件人|寄件者|寄件人|von)\s*[::]", re.IGNORECASE)
_OTHER_HEADS = re.compile(
    r"^\*?(sent|date|to|subject|发送时间|寄件日期|傳送時間|日期|收件人|收件者|主题|主旨)\s*[::]",
    re.IGNORECASE,
)


def own_words(text: str) -> str:
    """The text up to where the quoted history begins; all of it where nothing would be left."""
    lines = text.split("\n")
    end = next((at for at in range(len(lines)) if _begins_history(lines, at)), len(lines))
    kept = [line for line in lines[:end] if not line.lstrip().startswith(">")]
    own = "\n".join(kept).strip()
    return own or text.strip()


def _begins_history(lines: list[str], at: int) -> bool:
    line = lines[at].strip()[:_LONGEST_LINE]
    if not line:
        return False
    if any(pattern.search(line) for pattern in _INTRODUCTIONS):
        return True
    # Gmail breaks “On … wrote:” over two lines.
    after = lines[at + 1].strip()[:_LONGEST_LINE] if at + 1 < len(lines) else ""
    if line.lower().startswith("on ") and after.lower().endswith("wrote:"):
        return True
    following = [item.strip() for item in lines[at + 1 : at + 4]]
    return bool(_HEADS.match(line)) and any(_OTHER_HEADS.match(item) for item in following)
