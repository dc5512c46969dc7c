"""Pages where callers sign in: forms carry what proves them ours, and who may not act is offered nothing to act with."""

import sys
import urllib.error
import urllib.parse
import urllib.request

from playwright.sync_api import expect, sync_playwright

address, chromium = sys.argv[1:3]


def signed_in(browser, name):
    page = browser.new_context().new_page()
    page.goto(f"{address}/models/power-plant/versions/1")
    page.locator("input:not([type=hidden]):not([type=password])").first.fill(name)
    page.locator("input[type=password]").fill("a long password")
    page.keyboard.press("Enter")
    page.wait_for_url("**/models/power-plant/versions/1")
    expect(page.locator("footer")).to_contain_text(f"signed in as {name}")
    return page


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    page = signed_in(browser, "vic")
    for path, action in (
        ("/models/power-plant/versions/1", "Make champion"),
        ("/models/power-plant", "Promote…"),
        ("/pipelines/power-plant", "Run…"),
    ):
        page.goto(address + path)
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.get_by_text(action)).to_have_count(0)
    expect(page.get_by_role("link", name="Audit log")).to_have_count(0)

    page = signed_in(browser, "ada")
    page.get_by_role("button", name="Make champion").click()
    page.wait_for_url("**/models/power-plant")
    page.goto(f"{address}/pipelines/power-plant")
    page.locator("summary", has_text="Run…").click()
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/2*")
    expect(page.locator(".status.run-succeeded")).to_be_visible(timeout=60_000)
    expect(page.locator(".meta")).to_contain_text("ada")
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_text("power-plant@champion: version 1")).to_be_visible()

    # The same form without the field is not ours.
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    form = urllib.parse.urlencode({"version": "2", "alias": "champion"}).encode()
    forged = urllib.request.Request(f"{address}/models/power-plant/promote", form, {"cookie": cookies})
    try:
        urllib.request.urlopen(forged)
        sys.exit("a forged form was taken")
    except urllib.error.HTTPError as refused:
        assert refused.code == 403, refused.code
    browser.close()
print("done")
