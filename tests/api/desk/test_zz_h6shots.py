from tests.api.desk.test_systemic import *  # noqa
from tests.api.desk.test_systemic import house, opened, give, GRADED, CENTRE, PROBLEM  # noqa
async def test_shots(house):
    issue = await opened(house)
    await give(house, issue, "grade-outage", **GRADED)
    over=[str(c) for c in CENTRE.outages[0].over]
    await give(house, issue, "announce-outage", text="Since 14:05 no till in our shops can take cards.", over=over)
    async with house.opened("usr_dora", color_scheme="dark", viewport={"width":1280,"height":900}) as d:
        await d.goto(f"/desk/systemic/{issue}")
        await d.locator("#do-announce-outage > summary").click()
        await d.screenshot(path="/tmp/h6shots/issue2.png", full_page=True)
