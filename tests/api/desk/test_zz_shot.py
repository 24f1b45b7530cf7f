from tests.api.desk.conftest import *  # noqa
from tests.api.conftest import *  # noqa
from tests.api.test_risks import opened, assess
async def test_shot(desk):
    for i,(l,m,t) in enumerate(((5,4,"reduce"),(2,2,"accept"),(4,4,"transfer"))):
        ref=await opened(desk.office, f"Kettles {i}")
        await assess(desk.office, ref, likelihood=l, impact=m, treatment=t)
    async with desk.opened("usr_dora", viewport={"width":1280,"height":900}) as p:
        await p.goto("/desk/risks"); await p.screenshot(path="/tmp/g3shots/risks.png", full_page=True)
        await p.goto("/desk/receive"); await p.get_by_role("button", name="Receive the complaint").click()
        await p.screenshot(path="/tmp/g3shots/receive.png", full_page=True)
