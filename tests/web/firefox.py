"""Firefox without a window, driven by Marionette, the protocol under geckodriver: no package beyond Firefox itself is needed."""

import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

FIREFOX = next(filter(None, map(shutil.which, ("firefox-esr", "firefox"))), None)
PATIENCE, START = 60, 240  # seconds: for an answer; until Firefox runs, on a machine that is busy
PREFERENCES = {
    "marionette.port": 0,  # any that is free; Firefox writes it into its profile
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
}
# Runs a function of a page's own world, where `import()` works, and gives back what it resolves to.
CALL = """
const [source, argument, resolve] = arguments;
const page = window.wrappedJSObject;
page.eval(`(${source})`)(Components.utils.cloneInto(argument, page)).then(
  (value) => resolve({ value: JSON.stringify(value) ?? null }), (error) => resolve({ error: String(error) }));
"""
PROBLEMS = """
const errors = Services.console.getMessageArray().filter((each) => each instanceof Ci.nsIScriptError);
Services.console.reset();
const ofPages = errors.filter(({ sourceName }) => /^(http|file|blob)/.test(sourceName));
return ofPages.map(({ sourceName, errorMessage }) => `${sourceName}: ${errorMessage}`);
"""


class Firefox:
    """One window. Its profile lies in `folder`."""

    def __init__(self, folder: Path):
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});\n" for name, value in PREFERENCES.items()]
        (folder / "user.js").write_text("".join(lines))
        command = [str(FIREFOX), "--headless", "--no-remote", "--marionette", "--remote-allow-system-access"]
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen([*command, "--profile", str(folder), "about:blank"], stdout=quiet, stderr=quiet)
        self.count = 0
        try:
            self.socket = socket.create_connection(("127.0.0.1", _port(folder, self.process)), PATIENCE)
            self.stream = self.socket.makefile("rb")
            self._receive()  # its greeting
            self.command("WebDriver:NewSession", capabilities={"alwaysMatch": {"timeouts": {"script": 1000 * PATIENCE}}})
        except BaseException:
            self.process.kill()
            raise

    def close(self) -> None:
        self.socket.close()
        self.process.terminate()
        self.process.wait(PATIENCE)

    def command(self, name: str, **parameters: Any) -> Any:
        """What Firefox answers. Raises RuntimeError with its message."""
        self.count += 1
        message = json.dumps([0, self.count, name, parameters]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise RuntimeError(f"{name}: {error['message']}")
        return result

    def goto(self, url: str) -> None:
        self.command("WebDriver:Navigate", url=url)

    def read(self, expression: str) -> Any:
        """The value of an expression in the page, whatever the page's policy forbids."""
        return self.command("WebDriver:ExecuteScript", script=f"return {expression}", args=[])["value"]

    def evaluate(self, function: str, argument: Any = None) -> Any:
        """What an async function of JavaScript resolves to in the page, as Playwright's."""
        answer = self.command("WebDriver:ExecuteAsyncScript", script=CALL, args=[function, argument], sandbox="system")["value"]
        assert "error" not in answer, answer["error"]
        return None if answer["value"] is None else json.loads(answer["value"])

    def wait_for(self, expression: str) -> None:
        end = time.monotonic() + PATIENCE
        while not self.read(expression):
            assert time.monotonic() < end, f"{expression} did not come true"
            time.sleep(0.05)

    def set_file(self, selector: str, path: Path) -> None:
        """Chooses a file in an input."""
        found = self.command("WebDriver:FindElement", using="css selector", value=selector)["value"]
        self.command("WebDriver:ElementSendKeys", id=next(iter(found.values())), text=str(path))

    def set_preference(self, name: str, number: int) -> None:
        """Also while pages are open."""
        self._in_browser(f"Services.prefs.setIntPref({json.dumps(name)}, {number})")

    def download_to(self, folder: Path) -> None:
        self._in_browser(
            'Services.prefs.setIntPref("browser.download.folderList", 2);'
            f'Services.prefs.setStringPref("browser.download.dir", {json.dumps(str(folder))})'
        )

    def problems(self) -> list[str]:
        """What the console has about pages, which is empty afterwards."""
        return self._in_browser(PROBLEMS)

    def _in_browser(self, script: str) -> Any:
        """The value of a script of the browser's own world."""
        self.command("Marionette:SetContext", value="chrome")
        answer = self.command("WebDriver:ExecuteScript", script=script, args=[])["value"]
        self.command("Marionette:SetContext", value="content")
        return answer

    def _receive(self) -> Any:
        length = b""
        while (letter := self.stream.read(1)) != b":":
            if not letter:
                raise RuntimeError("Firefox has ended")
            length += letter
        return json.loads(self.stream.read(int(length)))


def _port(folder: Path, process: "subprocess.Popen[bytes]") -> int:
    """The port that Firefox listens at, as soon as it does."""
    file, end = folder / "MarionetteActivePort", time.monotonic() + START
    while not (file.exists() and file.read_text()):
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError("Firefox does not start")
        time.sleep(0.05)
    return int(file.read_text())
