"""Scripts of the four tasks around the vendors: queries, payment runs, master data, statements."""

from __future__ import annotations

from random import Random

from taskkit.samples.invoice_tasks import chat_title, document_title, inbox_title
from taskkit.samples.steps import ACT, CONSTANT, COPY, JUDGEMENT, LOOK, QUICK, READ, Script, slot
from taskkit.samples.world import Invoice, Person, Vendor

Window = tuple[str, str, str | None]
_PLACES = ("Ahorn", "Berg", "Eichen", "Garten", "Hafen", "Linden", "Markt", "Mühlen", "Sonnen", "Wiesen")


# --------------------------------------------------------------------------------------------- 4 answer vendor query
def answer_query(invoice: Invoice | None, vendor: Vendor, person: Person, rng: Random) -> Script:
    """A vendor asks; the clerk reads, looks, thinks and writes. Every one is different."""
    script = Script("answer vendor query", person, rng, invoice)
    luck = rng.random()
    script.variant = (
        "missing invoice"
        if invoice is None
        else "payment status"
        if luck < 0.55
        else "dispute"
        if luck < 0.85
        else "ask colleague"
    )
    about = "Missing invoice" if invoice is None else f"Payment of {invoice.number}"
    sender = "[email]" if script.chance(0.35) else vendor.name
    mail_about = "Missing invoice" if invoice is None else f"Payment of {slot(invoice.number)}"
    mail_sender = sender if sender == "[email]" else slot(sender)  # a redacted address is the same text for everybody
    mail = f"{mail_about} - {mail_sender} - Message - Outlook"
    shown = invoice.number if invoice else None
    script.focus("outlook", inbox_title(script.rng))
    script.click(f"{about} - {sender}", "mailList", role="list item", kind="double_click")
    script.go(mail, shown=shown)
    for _ in range(rng.randint(1, 4)):
        script.scroll(READ)
    _look_into(script, invoice, vendor, mail)
    if script.variant == "dispute" and invoice:
        script.focus("acrobat", document_title(invoice), shown=invoice.number)
        for _ in range(rng.randint(1, 3)):
            script.scroll(READ)
    if script.variant in ("dispute", "ask colleague"):
        script.focus("teams", chat_title(rng.choice(("Purchasing", "Warehouse", "Team lead", "Treasury"))))
        for _ in range(rng.randint(1, 3)):
            script.text("Message", "compose", rng.randint(4, 14))
            script.key("enter")
    script.focus("outlook", mail, shown=shown)
    script.click("Reply", "btnReply")
    for _ in range(rng.randint(2, 6)):
        script.text("Body", "mailBody", rng.randint(6, 22), wait=READ / 2)
        if script.chance(0.25):
            script.scroll(LOOK)
    script.click("Send", "btnSend")
    if script.chance(0.4):
        script.key("delete", wait=ACT)
    return script


def _look_into(script: Script, invoice: Invoice | None, vendor: Vendor, mail: str) -> None:
    rng = script.rng
    search: Window = ("chrome", "Search - Horizon ERP", "/search")
    if invoice is None:
        script.focus(*search)
        script.write("Vendor", "sea.vendor", vendor.short, JUDGEMENT)
        for _ in range(rng.randint(1, 3)):
            script.click(
                rng.choice(("Open items", "Cleared items", "Parked invoices")), "sea.tab", role="tab item", wait=LOOK
            )
            script.scroll(READ)
        return
    if script.chance(0.6):
        script.copy("Body", "mailBody", invoice.number)
        script.focus(*search)
        script.paste("Number", "sea.number", invoice.number)
    else:
        script.click("Body", "mailBody", role="text", value=invoice.number)
        script.focus(*search)
        script.write("Number", "sea.number", invoice.number, COPY)
    script.key("enter")
    script.go(
        f"Invoice {slot(invoice.number)} - Display - Horizon ERP", f"/invoices/{invoice.digits}", shown=invoice.number
    )
    for tab in rng.sample(("Payments", "History", "Document", "Workflow", "Notes"), rng.randint(1, 3)):
        script.click(tab, f"tab{tab}", role="tab item", wait=LOOK)
        if script.chance(0.5):
            script.scroll(READ)


# ----------------------------------------------------------------------------------------------------- 5 payment run
def run_payment(invoices: list[Invoice], day: str, person: Person, rng: Random) -> Script:
    """The ERP's proposal, checked in a workbook line by line, then released."""
    script = Script("payment run", person, rng)
    proposal: Window = ("chrome", f"Payment proposal {slot(day)} - Horizon ERP", f"/payments/{day}")
    book: Window = ("excel", f"Payment check {slot(day)}.xlsx - Excel", None)
    script.focus("chrome", "Payments - Horizon ERP", "/payments")
    script.click("New proposal", "btnProposal")
    script.write("House bank", "pay.bank", "HB01", CONSTANT)
    script.write("Payment method", "pay.method", "T", CONSTANT)
    script.click("Create", "btnCreate")
    script.go(proposal[1], proposal[2], wait=LOOK)
    script.click("Export", "btnExport")
    script.focus(*book, wait=LOOK)
    blocked: list[Invoice] = []
    for line, invoice in enumerate(invoices):
        script.case = invoice.number
        script.focus(*book)
        script.click(f"B{line + 3}", "cell", role="cell", value=invoice.number, wait=LOOK)
        script.focus(*proposal)
        script.click(invoice.number, "pay.row", role="link", value=invoice.amount_text)
        script.focus(*book)
        script.write(f"F{line + 3}", "cell", invoice.amount_text, COPY, role="cell")
        if script.chance(0.07) and len(invoices) > 3:
            blocked.append(invoice)
            script.focus(*proposal)
            script.click("Block item", "btnBlock")
            script.text("Reason", "pay.reason", 5)
    script.case = None
    script.variant = "with blocked items" if blocked else "clean run"
    script.focus(*book)
    script.click(f"F{len(invoices) + 3}", "cell", role="cell", wait=LOOK)
    script.key("ctrl+s")
    script.focus(*proposal)
    script.click("Release", "btnRelease", wait=LOOK)
    script.commit("Release payment", *[invoice.number for invoice in invoices if invoice not in blocked])
    script.click("OK", "msgOk", wait=1.5)
    return script


# ---------------------------------------------------------------------------------------------- 6 change vendor data
def change_vendor(vendor: Vendor, person: Person, rng: Random) -> Script:
    """New bank details or a new address; a colleague must release it."""
    script = Script("change vendor data", person, rng)
    bank = script.chance(0.6)
    script.variant = "bank details" if bank else "address"
    what = "New bank details" if bank else "New address"
    mail = f"{what} - {slot(vendor.name)} - Message - Outlook"
    page: Window = (
        "chrome",
        f"Vendor {slot(vendor.number)} - Change - Horizon ERP",
        f"/vendors/{vendor.number}/change",
    )
    script.focus("outlook", inbox_title(script.rng))
    script.click(f"{what} - {vendor.name}", "mailList", role="list item", kind="double_click")
    script.go(mail)
    script.scroll(READ)
    if bank:
        script.click("Bank confirmation [iban].pdf", "attachment", role="list item", kind="double_click")
        source: Window = ("acrobat", "Bank confirmation [iban].pdf - Acrobat", None)
        iban = f"{vendor.country}{rng.randrange(10**20):020d}"
        bic = "".join(rng.choices("ABCDEFGHKLMNOPRSTUVW", k=8))
        fields = [("IBAN", "ven.iban", iban), ("BIC", "ven.bic", bic), ("Account holder", "ven.holder", vendor.name)]
    else:
        source = ("outlook", mail, None)
        street, city = f"{rng.choice(_PLACES)}weg {rng.randint(1, 180)}", f"{rng.choice(_PLACES)}stadt"
        postal = f"{rng.randint(10_000, 99_999)}"
        fields = [("Street", "ven.street", street), ("Postal code", "ven.postal", postal), ("City", "ven.city", city)]
    script.focus(*source)
    if bank:
        script.scroll(READ)
    script.focus("chrome", "Search - Horizon ERP", "/search")
    script.write("Vendor", "sea.vendor", vendor.short, JUDGEMENT)
    script.key("enter")
    script.go(page[1], page[2])
    for name, element_id, value in fields:
        script.focus(*source)
        if script.chance(person.rekeys):
            script.click(name, None, role="text", value=value)
            script.focus(*page)
            script.write(name, element_id, value, COPY)
        else:
            script.copy(name, None, value)
            script.focus(*page)
            script.paste(name, element_id, value)
    script.write("Change reason", "ven.code", "BK" if bank else "AD", JUDGEMENT)
    script.click("Save", "btnSave")
    if script.chance(0.85):
        script.focus("teams", chat_title("Accounts payable"))
        script.text("Message", "compose", 7)
        script.key("enter")
    return script


def release_vendor(vendor: Vendor, person: Person, rng: Random) -> Script:
    """The second pair of eyes."""
    script = Script("change vendor data", person, rng)
    script.variant = "four-eyes release"
    script.focus("teams", chat_title("Accounts payable"))
    script.scroll(LOOK)
    script.focus("chrome", "Changes to release - Worklist - Horizon ERP", "/worklists/vendors")
    script.click(vendor.number, "worklist.row", role="link")
    script.go(f"Vendor {slot(vendor.number)} - Release - Horizon ERP", f"/vendors/{vendor.number}/release")
    script.click("Attachment", "ven.attachment", role="link")
    script.focus("acrobat", "Bank confirmation [iban].pdf - Acrobat", wait=1.5)
    script.scroll(READ)
    script.focus(
        "chrome", f"Vendor {slot(vendor.number)} - Release - Horizon ERP", "/vendors/" + f"{vendor.number}/release"
    )
    for name, element_id in (("IBAN", "ven.iban"), ("Account holder", "ven.holder")):
        script.click(name, element_id, role="text", wait=LOOK)
    script.click("Release change", "btnReleaseChange")
    return script


# --------------------------------------------------------------------------------------------- 7 reconcile statement
def reconcile_statement(vendor: Vendor, known: list[Invoice], person: Person, rng: Random) -> Script:
    """The vendor's statement in a workbook against the ERP's open items, back and forth."""
    script = Script("reconcile statement", person, rng)
    filters = script.chance(0.3)
    book: Window = ("excel", f"Statement_{slot(vendor.short)}_2026-02.xlsx - Excel", None)
    items: Window = ("chrome", f"Open items {slot(vendor.number)} - Horizon ERP", f"/vendors/{vendor.number}/items")
    lines = list(known[: rng.randint(2, 5)]) + [None] * rng.randint(2, 8)
    rng.shuffle(lines)
    script.focus(*book)
    script.scroll(READ)
    script.focus("chrome", "Search - Horizon ERP", "/search")
    script.write("Vendor", "sea.vendor", vendor.short, JUDGEMENT)
    script.key("enter")
    script.go(items[1], items[2])
    if filters:
        script.click("Export", "btnExport")
        script.focus(*book, wait=LOOK)
        script.click("Filter", "btnFilter")
    differences = 0
    for line, invoice in enumerate(lines):
        number = invoice.number if invoice else f"INV-{rng.randint(102_000, 104_000)}"
        script.case = invoice.number if invoice else None
        _check_line(script, number, line, book, items, filters)
        if script.chance(0.12):
            differences += 1
            script.text(f"F{line + 5}", "cell", 4)
    script.case = None
    script.focus(*book)
    script.key("ctrl+s")
    script.variant = "export and filter" if filters else "number by number"
    if differences > 1:
        script.variant = "differences mailed"
        script.focus("outlook", inbox_title(script.rng))
        script.click("New mail", "btnNewMail")
        script.go("Untitled - Message - Outlook")
        script.write("To", "mailTo", vendor.short, JUDGEMENT)
        script.text("Body", "mailBody", rng.randint(12, 40))
        script.click("Send", "btnSend")
    return script


def _check_line(script: Script, number: str, line: int, book: Window, items: Window, filters: bool) -> None:
    script.focus(*book)
    if filters:
        script.click(f"B{line + 5}", "cell", role="cell", value=number, wait=LOOK)
    else:
        script.copy(f"B{line + 5}", "cell", number, role="cell")
        script.focus(*items)
        script.paste("Quick search", "ite.search", number)
        script.key("enter")
        if script.chance(0.5):
            script.click(number, "ite.row", role="link")
            script.go(f"Invoice {slot(number)} - Display - Horizon ERP", f"/invoices/{number[4:]}", shown=number)
            script.click("Payments", "tabPayments", role="tab item", wait=LOOK)
        script.focus(*book, wait=QUICK)
    if script.chance(0.85):
        judged = script.chance(0.35)
        status = script.rng.choice(("open", "paid", "not ours", "credit?")) if judged else "ok"
        script.write(f"E{line + 5}", "cell", status, JUDGEMENT if judged else CONSTANT, role="cell")
