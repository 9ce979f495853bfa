"""Scripts of the four tasks that move an invoice: enter, match, approve, archive."""

from __future__ import annotations

from random import Random

from taskkit.samples.steps import ACT, CONSTANT, COPY, DEPENDENCY, JUDGEMENT, LOOK, QUICK, READ, Script, slot
from taskkit.samples.world import ACCOUNTS, Invoice, Person

APPROVERS = ("Head of Plant", "Head of IT", "Head of Facilities", "Head of Sales")
LONG_WAIT = 5.5 * 3_600.0  # median wait for an answer that comes by chat or mail
SHORT_WAIT = 1.6 * 3_600.0  # median wait for one that the ERP asks for


def inbox_title(rng: Random) -> str:
    """Title of the inbox with its changing counter."""
    return f"Inbox ({slot(str(rng.randint(2, 38)))}) - Outlook"


def invoice_mail(invoice: Invoice) -> str:
    """Title of the mail that an invoice came with."""
    return f"Invoice {slot(invoice.number)} - {slot(invoice.vendor.name)} - Message - Outlook"


def document_title(invoice: Invoice) -> str:
    """Title of the invoice's PDF."""
    return f"{slot(invoice.file)} - Acrobat"


def chat_title(partner: str) -> str:
    """Title of a chat."""
    return f"Chat | {slot(partner)} - Microsoft Teams"


# -------------------------------------------------------------------------------------------------- 1 enter invoice
def enter_invoice(invoice: Invoice, person: Person, rng: Random) -> Script:
    """From the vendor's mail over its PDF into the ERP's form."""
    script = Script("enter invoice", person, rng, invoice)
    rekeys = script.chance(person.rekeys)
    habit = "re-keying" if rekeys else "copy-paste"
    order = "with order" if invoice.order else "without order"
    script.variant = "new vendor" if invoice.new_vendor else f"{habit}, {order}"
    _open_mail(script, invoice)
    script.focus("chrome", "Invoices - Worklist - Horizon ERP", "/invoices")
    script.click("New invoice", "btnNewInvoice")
    script.go("Invoice - Enter - Horizon ERP", "/invoices/new")
    script.write("Company code", "inv.company", "1000", CONSTANT)
    script.write("Document type", "inv.type", "KR", CONSTANT)
    if invoice.new_vendor:
        _request_vendor(script, invoice, rekeys)
    fields = [
        ("Invoice number", "inv.number", invoice.number),
        ("Vendor", "inv.vendor", invoice.vendor.name),
        ("Invoice date", "inv.date", invoice.invoice_date),
        ("Gross amount", "inv.amount", invoice.amount_text),
    ]
    if invoice.order:
        fields.insert(1, ("Purchase order", "inv.order", invoice.order))
    transfer_fields(script, fields, invoice, rekeys)
    _account(script, invoice)
    script.click("Post invoice", "btnPost", wait=LOOK)
    script.commit("Enter invoice")
    if script.chance(0.75):
        script.click("OK", "msgOk", wait=1.5)
    if script.chance(0.55):
        script.focus("outlook", invoice_mail(invoice), shown=invoice.number)
        script.click("Move to Entered", "quickStepEntered", role="menu item")
    return script


def _open_mail(script: Script, invoice: Invoice) -> None:
    script.focus("outlook", inbox_title(script.rng))
    subject = f"Invoice {invoice.number} - {invoice.vendor.name}"
    script.click(subject, "mailList", role="list item", kind="double_click")
    script.go(invoice_mail(invoice), shown=invoice.number)
    if script.chance(0.4):
        script.scroll()
    script.click(invoice.file, "attachment", role="list item", kind="double_click", wait=LOOK)
    script.focus("acrobat", document_title(invoice), shown=invoice.number, wait=1.5)
    if script.chance(0.5):
        script.scroll(READ)


def transfer_fields(script: Script, fields: list[tuple[str, str, str]], invoice: Invoice, rekeys: bool) -> None:
    """Carry fields from the PDF into the form: read and typed in twos, or copied one by one."""
    form = ("chrome", "Invoice - Enter - Horizon ERP", "/invoices/new")
    named = f"Invoice {slot(invoice.number)} - Enter - Horizon ERP"
    size = 2 if rekeys and script.chance(0.25) else 1
    shown: str | None = None
    for start in range(0, len(fields), size):
        group = fields[start : start + size]
        script.focus("acrobat", document_title(invoice), shown=invoice.number)
        for name, _, value in group:
            if rekeys:
                script.click(name, None, role="text", wait=LOOK, value=value)
            else:
                script.copy(name, None, value)
        script.focus(*form, shown=shown)
        for name, element_id, value in group:
            if rekeys:
                script.write(name, element_id, value, COPY)
            else:
                script.paste(name, element_id, value)
        if rekeys and script.chance(0.95):  # whoever types compares
            script.focus("acrobat", document_title(invoice), shown=invoice.number)
            script.click(group[-1][0], None, role="text", wait=LOOK, value=group[-1][2])
            script.focus(*form, shown=shown)
        if shown is None:
            shown, form = invoice.number, ("chrome", named, f"/invoices/{invoice.digits}/enter")
            script.go(named, f"/invoices/{invoice.digits}/enter", shown=shown)


def _request_vendor(script: Script, invoice: Invoice, rekeys: bool) -> None:
    vendor = invoice.vendor
    script.click("Search vendor", "btnVendorSearch")
    script.enter("Search term", "vendorSearch", vendor.short, JUDGEMENT, wait=ACT)
    script.click("No vendor found", "msgNoVendor", role="text", wait=LOOK)
    script.go("Vendor - Request - Horizon ERP", "/vendors/request")
    pdf = (document_title(invoice), invoice.number)
    for name, element_id, value in (("Name", "ven.name", vendor.name), ("Country", "ven.country", vendor.country)):
        script.focus("acrobat", pdf[0], shown=pdf[1])
        if rekeys:
            script.click(name, None, role="text", value=value)
        else:
            script.copy(name, None, value)
        script.focus("chrome", "Vendor - Request - Horizon ERP", "/vendors/request")
        if rekeys:
            script.write(name, element_id, value, COPY)
        else:
            script.paste(name, element_id, value)
    script.text("Reason", "ven.reason", 6)
    script.click("Send request", "btnVendorRequest")
    script.go("Invoice - Enter - Horizon ERP", "/invoices/new", wait=LOOK)


def _account(script: Script, invoice: Invoice) -> None:
    script.click("Country", "inv.country", role="text", value=invoice.vendor.country)
    if invoice.order:
        script.click("Propose from order", "btnPropose")
        if script.chance(0.6):
            script.write("Tax code", "inv.tax", invoice.vendor.tax_code, DEPENDENCY)
        return
    script.write("Tax code", "inv.tax", invoice.vendor.tax_code, DEPENDENCY)
    script.write("Cost centre", "inv.centre", invoice.vendor.cost_centre, DEPENDENCY)
    script.write("G/L account", "inv.account", script.rng.choice(ACCOUNTS), JUDGEMENT, wait=LOOK)
    script.write("Payment terms", "inv.terms", invoice.vendor.terms, DEPENDENCY)
    if script.chance(0.5):
        script.text("Text", "inv.text", 4)


# ------------------------------------------------------------------------------------------------- 2 three-way match
def match_invoice(invoice: Invoice, person: Person, rng: Random, *, seconds_left: float) -> Script:
    """Invoice, order and goods receipt side by side; both teams do it alike."""
    script = Script("three-way match", person, rng, invoice)
    luck, reply = rng.random(), rng.lognormvariate(7.6, 0.6)  # a buyer answers after half an hour or more
    script.variant = "within tolerance"
    page = _open_match(script, invoice)
    if script.chance(person.uses_price_list):
        script.variant = "with price list"
        _look_up_price(script, invoice)
    script.focus(*page, shown=invoice.number)
    if luck < 0.11 and reply < seconds_left - 1_800:
        script.variant = "price variance"
        _settle_price(script, invoice, reply)
        script.focus(*page, shown=invoice.number)
    elif luck > 0.94:
        script.variant = "goods receipt missing"
        script.focus("teams", chat_title("Warehouse"))
        script.text("Message", "compose", 9)
        script.key("enter")
        script.focus(*page, shown=invoice.number)
        script.click("Park", "btnPark")
        script.commit("Park invoice")
        return script
    if script.chance(0.8):
        script.write("Match note", "mat.note", "3WM ok", CONSTANT)
    script.click("Match", "btnMatch", wait=ACT)
    script.commit("Match invoice")
    if script.chance(0.5):
        script.click("OK", "msgOk", wait=1.5)
    return script


def _open_match(script: Script, invoice: Invoice) -> tuple[str, str, str]:
    page = match_page(invoice)
    script.focus("chrome", "Invoices to match - Worklist - Horizon ERP", "/worklists/match")
    script.click(invoice.number, "worklist.row", role="link")
    script.go(page[1], page[2], shown=invoice.number)
    script.click("Net amount", "mat.amount", role="text", value=invoice.amount_text, wait=LOOK)
    script.click("Purchase order", "tabOrder", role="tab item")
    script.go(f"Purchase order {slot(invoice.order)} - Horizon ERP", f"/orders/{invoice.order[3:]}")
    if script.chance(0.6):
        script.scroll()
    script.click("Unit price", "ord.price", role="text", value=invoice.price, wait=LOOK)
    if script.chance(0.9):
        script.click("Goods receipt", "tabReceipt", role="tab item")
        script.go(f"Goods receipt {slot(invoice.receipt)} - Horizon ERP", f"/receipts/{invoice.receipt[3:]}")
        script.click("Quantity", "rec.quantity", role="text", value=invoice.digits[-2:], wait=LOOK)
    return page


def match_page(invoice: Invoice) -> tuple[str, str, str]:
    """Window of the ERP's match page."""
    return "chrome", f"Invoice {slot(invoice.number)} - Match - Horizon ERP", f"/invoices/{invoice.digits}/match"


def _look_up_price(script: Script, invoice: Invoice) -> None:
    script.copy("Article", "ord.article", invoice.article)
    script.focus("excel", "Price list 2026.xlsx - Excel")
    script.key("ctrl+f")
    script.paste("Find what", "findWhat", invoice.article)
    script.key("enter")
    script.click(f"D{40 + int(invoice.article[2:]) % 900}", "cell", role="cell", value=invoice.price, wait=LOOK)


def _settle_price(script: Script, invoice: Invoice, reply: float) -> None:
    script.focus("outlook", inbox_title(script.rng))
    script.click("New mail", "btnNewMail")
    subject = f"Price variance {invoice.number}"
    script.go("Untitled - Message - Outlook")
    script.write("To", "mailTo", "Purchasing", CONSTANT)
    script.write("Subject", "mailSubject", subject, JUDGEMENT)
    script.text("Body", "mailBody", 18)
    script.click("Send", "btnSend")
    script.suspend(reply)
    script.focus("outlook", inbox_title(script.rng))
    script.click(f"RE: {subject}", "mailList", role="list item", kind="double_click")
    script.go(f"RE: Price variance {slot(invoice.number)} - Message - Outlook", shown=invoice.number)
    script.scroll(READ)
    script.focus(*match_page(invoice), shown=invoice.number)
    script.write("Reason code", "mat.reason", script.rng.choice(("P1", "P2", "P4", "P7")), JUDGEMENT)
    script.text("Reason", "mat.text", 6)


# ------------------------------------------------------------------------------------------------ 3 prepare approval
def prepare_approval(invoice: Invoice, person: Person, rng: Random) -> Script:
    """Get an invoice approved: at once, asked for in the ERP, or with a sheet outside of it that goes to the approver."""
    script = Script("prepare approval", person, rng, invoice)
    script.focus("chrome", "Invoices to approve - Worklist - Horizon ERP", "/worklists/approve")
    script.click(invoice.number, "worklist.row", role="link")
    page = approval_page(invoice)
    script.go(page[1], page[2], shown=invoice.number)
    if script.chance(0.5):
        _look_at_document(script, invoice)
    if not invoice.needs_agreement:
        script.variant = "direct"
        approve(script)
    elif script.chance(person.uses_sheet):
        _fill_sheet(script, invoice)
        script.suspend(rng.lognormvariate(0, 0.8) * LONG_WAIT)
        read_answer(script, invoice)
        approve(script)
    else:
        script.variant = "request in ERP"
        script.click("Cost centre", "app.centre", role="text", value=invoice.vendor.cost_centre)
        script.write("Approver", "app.approver", approver(invoice), DEPENDENCY)
        script.click("Request approval", "btnRequest")
        script.commit("Request approval")
    return script


def approval_page(invoice: Invoice) -> tuple[str, str, str]:
    """Window of the ERP's approval page."""
    return "chrome", f"Invoice {slot(invoice.number)} - Approve - Horizon ERP", f"/invoices/{invoice.digits}/approve"


def approver(invoice: Invoice) -> str:
    """Who must agree: follows from the cost centre."""
    return APPROVERS[int(invoice.vendor.cost_centre[1]) % len(APPROVERS)]


def _look_at_document(script: Script, invoice: Invoice) -> None:
    script.click("Document", "app.document", role="link")
    script.focus("acrobat", document_title(invoice), shown=invoice.number, wait=1.5)
    script.scroll(LOOK)
    page = approval_page(invoice)
    script.focus(*page, shown=invoice.number)


def _fill_sheet(script: Script, invoice: Invoice) -> None:
    fields = [
        ("Invoice number", "app.number", invoice.number), ("Vendor", "app.vendor", invoice.vendor.name),
        ("Gross amount", "app.amount", invoice.amount_text), ("Due date", "app.due", invoice.due_date),
        ("Cost centre", "app.centre", invoice.vendor.cost_centre), ("Invoice date", "app.date", invoice.invoice_date),
        ("Payment terms", "app.terms", invoice.vendor.terms), ("Tax code", "app.tax", invoice.vendor.tax_code),
    ]  # fmt: skip
    line = 4 + int(invoice.digits) % 180
    for place, (name, element_id, value) in enumerate(fields[: script.rng.randint(6, 8)]):
        script.focus(*approval_page(invoice), shown=invoice.number)
        script.copy(name, element_id, value)
        script.focus("excel", "Approval sheet 2026-03.xlsx - Excel")
        script.paste(f"{'ABCDEFGH'[place]}{line}", "cell", value, role="cell")
    script.text(f"J{line}", "cell", 5)
    script.key("ctrl+s")
    if script.chance(0.6):
        script.variant = "sheet and chat"
        script.focus("teams", chat_title(approver(invoice)))
        script.text("Message", "compose", 12)
        script.click("Attach file", "btnAttach")
        script.key("enter", wait=ACT)
    else:
        script.variant = "sheet and mail"
        script.focus("outlook", inbox_title(script.rng))
        script.click("New mail", "btnNewMail")
        script.go("Untitled - Message - Outlook")
        script.write("To", "mailTo", approver(invoice), DEPENDENCY)
        script.write("Subject", "mailSubject", "Approval needed", CONSTANT)
        script.text("Body", "mailBody", 14)
        script.click("Attach file", "btnAttach")
        script.click("Send", "btnSend")


def read_answer(script: Script, invoice: Invoice) -> None:
    """The approver's answer came: note it in the sheet and go back to the ERP."""
    if script.variant == "sheet and mail":
        script.focus("outlook", inbox_title(script.rng))
        script.click("RE: Approval needed", "mailList", role="list item", kind="double_click")
        script.go("RE: Approval needed - Message - Outlook")
    else:
        script.focus("teams", chat_title(approver(invoice)))
    script.scroll(LOOK)
    script.focus("excel", "Approval sheet 2026-03.xlsx - Excel")
    script.write(f"K{4 + int(invoice.digits) % 180}", "cell", "ok", CONSTANT, role="cell")
    script.key("ctrl+s")
    script.focus(*approval_page(invoice), shown=invoice.number)


def approve_after_answer(invoice: Invoice, person: Person, rng: Random) -> Script:
    """What is left for another day when the approver's answer did not come the same day."""
    script = Script("prepare approval", person, rng, invoice)
    read_answer(script, invoice)
    approve(script)
    script.variant = "answer next day"
    return script


def approve(script: Script) -> None:
    """The click that the whole task is about."""
    amount = script.invoice.amount_text if script.invoice else None
    script.click("Gross amount", "app.amount", role="text", wait=LOOK, value=amount)
    script.click("Approve", "btnApprove")
    script.commit("Approve invoice")
    if script.chance(0.6):
        script.click("Yes", "msgYes", wait=1.5)


# --------------------------------------------------------------------------------------------------- 8 archive scans
def archive_scan(invoice: Invoice, person: Person, rng: Random) -> Script:
    """Rename a scan and upload it; the same in both teams, nearly always in the same way."""
    script = Script("archive scans", person, rng, invoice)
    scan = f"scan_{int(invoice.digits) % 9000:04d}.pdf"
    luck = rng.random()
    script.variant = "rename first" if luck < 0.8 else "upload first" if luck < 0.93 else "rotated scan"
    folder = f"Scans {slot(invoice.scan_day)} - File Explorer"
    script.focus("explorer", folder)
    script.click(scan, "fileList", role="list item")
    script.click("Barcode", "preview", role="text", value=invoice.number, wait=LOOK)
    if script.variant == "rotated scan":
        script.row("double_click", ACT, role="list item", element_id="fileList", element=scan)
        script.focus("acrobat", f"{slot(scan)} - Acrobat", wait=1.5)
        script.click("Rotate clockwise", "btnRotate")
        script.key("ctrl+s")
        script.focus("explorer", folder)
    if script.variant == "upload first":
        _upload(script, invoice)
        script.focus("explorer", folder)
        _rename(script, invoice, scan)
    else:
        _rename(script, invoice, scan)
        _upload(script, invoice)
    return script


def _rename(script: Script, invoice: Invoice, scan: str) -> None:
    script.click(scan, "fileList", role="list item", wait=QUICK)
    script.key("f2")
    script.enter("File name", "fileName", invoice.number, COPY)
    script.key("enter")


def _upload(script: Script, invoice: Invoice) -> None:
    script.focus("chrome", "Archive - Upload - Horizon ERP", "/archive/upload")
    script.write("Document class", "arc.class", "AP-INVOICE", CONSTANT)
    script.write("Retention", "arc.retention", "10Y", CONSTANT)
    script.write("Reference", "arc.reference", invoice.number, COPY)
    script.click("Choose file", "btnChoose")
    script.click("Open", "dlgOpen")
    script.go(f"Archive {slot(invoice.number)} - Horizon ERP", f"/archive/{invoice.digits}", shown=invoice.number)
    script.click("Archive", "btnArchive")
    script.commit("Archive document")
