"""Every page and action in headless Chromium: by mouse, by keyboard, without scripts, and under axe's eyes."""

import json
import sys
import urllib.request

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect, sync_playwright

address, chromium = sys.argv[1:3]
axe = Axe()
trouble = []


def get(path):
    return json.load(urllib.request.urlopen(address + path))


def post(path, **fields):
    asked = urllib.request.Request(
        f"{address}/api/2.0/mlflow/{path}", json.dumps(fields).encode(), {"content-type": "application/json"}
    )
    return json.load(urllib.request.urlopen(asked))


def log(experiment, name, rate):
    """A run as a client of MLflow logs it; gives its id."""
    run = post("runs/create", experiment_id=experiment, run_name=name, start_time=1_795_000_000_000)["run"]["info"]["run_id"]
    points = [
        {"key": key, "value": value, "timestamp": 1_795_000_000_000 + step, "step": step}
        for step in range(400)
        for key, value in (("loss", 1 / (1 + rate * step)), ("accuracy", 1 - 1 / (2 + rate * step)))
    ]
    params = [{"key": "rate", "value": str(rate)}, {"key": "kind", "value": "<script>alert(1)</script>"}]
    post("runs/log-batch", run_id=run, metrics=points, params=params, tags=[{"key": "team", "value": "growth"}])
    file = urllib.request.Request(
        f"{address}/api/2.0/mlflow-artifacts/artifacts/{experiment}/{run}/artifacts/notes/read me.txt".replace(" ", "%20"),
        b"hello",
        method="PUT",
    )
    urllib.request.urlopen(file).read()
    post("runs/update", run_id=run, status="FINISHED", end_time=1_795_000_009_000)
    return run


def accessible(page, what):
    for violation in axe.run(page).response["violations"]:
        if violation["impact"] in ("serious", "critical"):
            places = [node["html"][:200] for node in violation["nodes"][:3]]
            trouble.append(f"{what}: {violation['id']} ({violation['impact']}): {places}")


def watched(context):
    """A page that complains of whatever goes wrong in it, and of whatever it asks of others."""
    page = context.new_page()
    page.on("pageerror", lambda error: trouble.append(f"{page.url}: {error}"))
    page.on(
        "console",
        lambda told: trouble.append(f"{page.url}: {told.text}") if told.type == "error" and "Failed to load resource" not in told.text else None,
    )
    page.on("request", lambda asked: trouble.append(asked.url) if not asked.url.startswith((address, "data:")) else None)
    return page


runs = [run["run"] for run in get("/api/v1/runs?pipeline=power-plant")["runs"]]
steps = {step["name"]: step for step in get(f"/api/v1/runs/{runs[0]}/steps")["steps"]}
table = steps["tidy"]["outputs"]["table"]["digest"]
model = steps["boosted"]["outputs"]["model"]["digest"]
experiment = post("experiments/create", name="churn")["experiment_id"]
logged = [log(experiment, f"trial {number}", rate) for number, rate in enumerate((0.01, 0.1))]
post("registered-models/create", name="elsewhere", description="Files of a client.")
post("model-versions/create", name="elsewhere", source="mlflow-artifacts:/models/x", run_id=logged[0])
PAGES = [
    "/",
    "/runs",
    "/runs?status=failed",
    f"/runs/{runs[0]}",
    f"/compare?run={runs[0]}&run={runs[1]}",
    "/pipelines",
    "/pipelines/power-plant",
    "/data",
    f"/data/{table}",
    f"/data/{model}",
    "/models",
    "/models/power-plant",
    "/models/power-plant/versions/1",
    "/models/power-plant/compare?version=1&version=2",
    "/deployments",
    "/audit",
    "/experiments/churn",
    f"/runs/{logged[0]}",
    f"/runs/{logged[0]}?path=notes",
    f"/compare?run={logged[0]}&run={logged[1]}",
    "/models/elsewhere",
    "/models/elsewhere/versions/1",
    "/search?q=power",
    "/search?q=nothing-of-that-name",
    "/nothing/here",
]


def looks(browser):
    for scheme, width in (("light", 1280), ("dark", 1280), ("light", 390)):
        context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 844})
        page = watched(context)
        for path in PAGES:
            page.goto(address + path)
            assert page.locator("h1").count() == 1, path
            accessible(page, f"{path} {scheme} {width}")
            if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                trouble.append(f"{path} is wider than a window of {width}")
        context.close()


def from_clients(browser):
    """What clients log is shown with its curves, files and differences."""
    page = watched(browser.new_context())
    page.goto(f"{address}/pipelines")
    page.get_by_role("link", name="churn").click()
    page.get_by_role("link", name="trial 1").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("trial 1")
    expect(page.locator("svg.chart-curve")).to_have_count(2)
    expect(page.locator(".tags")).to_contain_text("team growth")
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    page.get_by_role("link", name="notes/").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="read me.txt").click()
    with open(download.value.path()) as file:
        assert file.read() == "hello"
    page.goto(f"{address}/experiments/churn")
    for run in page.get_by_role("checkbox").all():
        run.check()
    page.get_by_role("button", name="Compare chosen runs").click()
    expect(page.locator("svg.chart-parallel")).to_be_visible()
    expect(page.locator("svg.chart-curve")).to_have_count(2)
    page.goto(f"{address}/search?q=rate%3D0.1")
    expect(page.locator(".hits li")).to_have_count(1)
    page.goto(f"{address}/models/elsewhere/versions/1")
    expect(page.locator("table").first).to_contain_text("accuracy")
    series = get(f"/api/v1/runs/{logged[0]}/series?metric=loss&points=50")
    assert series["total"] == 400 and len(series["points"]) <= 60, series["total"]
    assert max(point["value"] for point in series["points"]) == 1
    page.context.close()


def report(browser):
    page = watched(browser.new_context())
    page.goto(f"{address}/runs/{runs[1]}")
    page.get_by_role("link", name="Full report").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("power-plant")
    page.context.close()


def keyboard(browser):
    page = watched(browser.new_context())
    page.goto(address)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("power")
    page.keyboard.press("Enter")
    expect(page.locator(".hits li").first).to_contain_text("power-plant")
    page.keyboard.press("Escape")
    page.locator("h1").click()
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page.get_by_role("heading", level=1)).to_have_text("Runs")
    for key in ("j", "x", "j", "x", "c"):
        page.keyboard.press(key)
    expect(page.get_by_role("heading", level=1)).to_have_text("Comparison of 2 runs")
    expect(page.locator("svg.chart-parallel")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    accessible(page, "the list of keys")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_be_hidden()
    page.context.close()


def started_live(browser):
    """A run that is started from a page shows itself there until it has ended; the list of runs too."""
    other = watched(browser.new_context())
    other.goto(f"{address}/runs")
    page = watched(browser.new_context())
    page.goto(f"{address}/pipelines/power-plant")
    page.locator("summary", has_text="Run…").click()
    accessible(page, "the form to start a run")
    page.get_by_label("seed", exact=True).fill("9")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/2*")
    run = page.url.rsplit("/", 1)[1]
    expect(page.locator(".status.run-succeeded")).to_be_visible(timeout=60_000)
    expect(page.locator(".headline")).to_contain_text("is best")
    expect(page.locator("#parameters")).to_contain_text("9")
    page.get_by_text("What it said while it was at work").click()
    expect(page.locator("#log pre")).to_contain_text("train/gradient-boosting")
    expect(other.get_by_role("link", name=run)).to_be_visible()
    other.context.close()

    page.locator("summary", has_text="Run again").click()
    page.get_by_label("From", exact=True).select_option("judged")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url(lambda url: "/runs/" in url and not url.endswith(run))
    expect(page.locator(".status.run-succeeded")).to_be_visible(timeout=60_000)
    expect(page.locator("#step-judged .status")).to_have_text("ran")
    expect(page.locator("#step-boosted .status")).to_have_text("cached")
    page.context.close()


def stopped(browser):
    page = watched(browser.new_context())
    page.goto(f"{address}/pipelines/slow")
    page.locator("summary", has_text="Run…").click()
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/2*")
    expect(page.locator("#step-wait .status")).to_have_text("at work", timeout=20_000)
    accessible(page, "a run under way")
    page.get_by_role("button", name="Stop the run").click()
    expect(page.locator(".status.run-cancelled")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("Stopped by")).to_be_visible()
    page.goto(address)
    page.context.close()


def promoted_and_deployed(browser):
    page = watched(browser.new_context())
    page.goto(f"{address}/models/power-plant/versions/1")
    page.get_by_role("button", name="Make champion").click()
    page.wait_for_url("**/models/power-plant")
    row = page.get_by_role("row").filter(has=page.get_by_role("link", name="1", exact=True))
    expect(row).to_contain_text("@champion")
    page.locator("summary", has_text="Promote…").click()
    accessible(page, "the form to promote")
    page.locator("#to").select_option("2")
    page.get_by_label("Alias", exact=True).fill("candidate")
    page.get_by_role("button", name="Point the alias there").click()
    expect(page.get_by_text("@candidate")).to_be_visible()
    for how, said in (("all", "version 2"), ("canary", "version 2, version 1 for 10")):
        page.locator("summary", has_text="Deploy…").click()
        page.locator("#version").select_option("2" if how == "all" else "1")
        page.get_by_label("For", exact=True).select_option(how)
        page.get_by_label("Why", exact=True).fill("tried in a browser")
        accessible(page, "the form to deploy")
        page.get_by_role("button", name="Deploy", exact=True).click()
        expect(page.locator("#model")).to_contain_text("tried in a browser, by local")
    expect(page.locator(".meta")).to_contain_text("for 10")
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator(".meta")).not_to_contain_text("for 10")
    page.goto(f"{address}/audit")
    expect(page.get_by_text("power-plant@candidate: version 2")).to_be_visible()
    page.goto(f"{address}/deployments")
    page.get_by_role("button", name="Roll back power-plant").click()
    expect(page.locator(".meta")).to_contain_text("for 10")
    page.locator("input[name=version]").nth(0).check()
    page.locator("input[name=version]").nth(1).check()
    page.get_by_role("button", name="Compare chosen versions").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Versions of power-plant")
    page.context.close()


def refused(browser):
    """What cannot be done is said on a page, with what to do."""
    page = watched(browser.new_context())
    page.goto(f"{address}/pipelines/power-plant")
    page.locator("summary", has_text="Run…").click()
    page.get_by_label("seed", exact=True).fill("not a number")
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_load_state()
    accessible(page, "what could not be done")
    assert page.locator(".code").count() > 0 or "/runs/" in page.url, page.url
    page.context.close()


def without_scripts(browser):
    page = watched(browser.new_context(java_script_enabled=False))
    page.goto(address)
    expect(page.get_by_role("heading", name="Latest runs")).to_be_visible()
    page.goto(f"{address}/pipelines/power-plant")
    page.locator("summary", has_text="Run…").click()
    page.get_by_role("button", name="Start the run").click()
    page.wait_for_url("**/runs/2*")
    for _ in range(200):
        if page.locator(".status.run-succeeded").count():
            break
        page.wait_for_timeout(100)
        page.reload()
    expect(page.locator(".status.run-succeeded")).to_be_visible()
    for path in PAGES:
        page.goto(address + path)
        assert page.locator("main").inner_text().strip(), path
    page.context.close()


def printed(browser):
    page = watched(browser.new_context())
    page.goto(f"{address}/runs/{runs[0]}")
    page.emulate_media(media="print")
    expect(page.locator("header.bar")).to_be_hidden()
    expect(page.locator("svg.chart-dag")).to_be_visible()
    page.context.close()


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
    for part in (looks, from_clients, report, keyboard, started_live, stopped, promoted_and_deployed, refused, without_scripts, printed):
        part(browser)
        print(part.__name__, flush=True)
    browser.close()
if trouble:
    print("\n".join(trouble))
    sys.exit(1)
print("done")
