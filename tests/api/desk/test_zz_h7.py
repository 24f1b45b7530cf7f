from tests.api.desk.conftest import Desk

async def test_look(desk: Desk) -> None:
    ref = await desk.office.receive()
    await desk.command(ref, "usr_ana", "take-ownership")
    await desk.command(ref, "usr_iris", "write-message", text="Are you there?")
    await desk.command(ref, "usr_dora", "open-internal-review", reason="x")
    await desk.command(ref, "usr_ana", "ask-customer", text="Which store did you buy it in?")
    async with desk.opened("usr_ana") as page:
        await page.goto(f"/desk/complaints/{ref}")
        await page.screenshot(path="/tmp/i4/h7_case.png")
        await page.set_viewport_size({"width": 320, "height": 700})
        await page.screenshot(path="/tmp/i4/h7_case320.png")
        await page.goto(await desk.link(ref))
        await page.screenshot(path="/tmp/i4/h7_portal.png")
