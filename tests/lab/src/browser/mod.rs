//! A real browser, driven as a person would: pages are opened, clicked, typed into and looked at.

mod build;
mod wire;

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::{LabError, LabResult};
pub(crate) use build::unpack;
use wire::Wire;

/// The colours that a person's system prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

/// How a picture of the page looks.
#[derive(Debug, Clone, Copy)]
pub struct Looks {
    /// How many different colours it has, of every fourth pixel.
    pub colours: usize,
    /// The mean brightness, from 0 for black to 255 for white.
    pub brightness: f64,
}

/// One page in a browser of its own; dropping it ends the browser.
#[derive(Debug)]
pub struct Page {
    wire: Wire,
    session: String,
}

impl Page {
    /// Opens a file of this machine in a fresh browser whose user prefers these colours.
    ///
    /// # Errors
    /// When the browser cannot be started or does not show the page.
    pub fn open(browser: &Path, file: &Path, colours: Colours) -> LabResult<Self> {
        let mut wire = Wire::start(browser)?;
        let session = attach(&mut wire)?;
        let mut page = Self { wire, session };
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            page.call(&format!("{domain}.enable"), json!({}))?;
        }
        let scheme = if colours == Colours::Dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        page.call("Emulation.setEmulatedMedia", json!({"features": features}))?;
        page.go(&format!("file://{}", file.display()))?;
        Ok(page)
    }

    /// Goes to an address and waits until the page has loaded.
    ///
    /// # Errors
    /// When it cannot be shown.
    pub fn go(&mut self, address: &str) -> LabResult<()> {
        let answer = self.call("Page.navigate", json!({"url": address}))?;
        if let Some(error) = answer["errorText"].as_str() {
            return Err(LabError::new(format!("the browser cannot open `{address}`: {error}")));
        }
        // Within one document nothing loads.
        if answer["loaderId"].is_string() { self.wire.wait_for("Page.loadEventFired") } else { Ok(()) }
    }

    /// The value of a JavaScript expression in the page.
    ///
    /// # Errors
    /// When it throws.
    pub fn value(&mut self, expression: &str) -> LabResult<Value> {
        let asked = json!({"expression": expression, "returnByValue": true, "awaitPromise": true});
        let answer = self.call("Runtime.evaluate", asked)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(LabError::new(format!("`{expression}` throws: {thrown}"))),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// How many elements match `selector` and can be seen.
    ///
    /// # Errors
    /// When the selector is none.
    pub fn visible(&mut self, selector: &str) -> LabResult<u64> {
        let seen = format!("[...document.querySelectorAll({selector:?})].filter((it) => it.checkVisibility()).length");
        Ok(self.value(&seen)?.as_u64().unwrap_or(0))
    }

    /// Clicks the middle of the first element that matches, with the mouse.
    ///
    /// # Errors
    /// When there is none, or something else lies over it.
    pub fn click(&mut self, selector: &str) -> LabResult<()> {
        let place = self.value(&format!(
            "(() => {{ const it = document.querySelector({selector:?}); if (!it) return 'there is none';
             it.scrollIntoView({{block: 'center'}}); const box = it.getBoundingClientRect();
             const [x, y] = [box.x + Math.min(box.width / 2, 200), box.y + Math.min(box.height / 2, 12)];
             const top = document.elementFromPoint(x, y);
             return it.contains(top) ? [x, y] : `there lies ${{top && top.outerHTML.slice(0, 80)}}`; }})()"
        ))?;
        if let Some(why) = place.as_str() {
            return Err(LabError::new(format!("`{selector}` cannot be clicked: {why}")));
        }
        for kind in ["mousePressed", "mouseReleased"] {
            let event = json!({"type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1});
            self.call("Input.dispatchMouseEvent", event)?;
        }
        self.settled()
    }

    /// Presses one key by its name: a letter, `/`, `Tab`, `Enter`, `Escape`, `Backspace`.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn press(&mut self, key: &str) -> LabResult<()> {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "Backspace" => (8, ""),
            " " => (32, " "),
            letter => (letter.to_ascii_uppercase().bytes().next().map_or(0, u32::from), letter),
        };
        let mut event = json!({"type": "keyDown", "key": key, "windowsVirtualKeyCode": code});
        if !text.is_empty() {
            event["text"] = text.into();
        }
        self.call("Input.dispatchKeyEvent", event)?;
        let event = json!({"type": "keyUp", "key": key, "windowsVirtualKeyCode": code});
        self.call("Input.dispatchKeyEvent", event)?;
        self.settled()
    }

    /// Types text, letter by letter, into what has the focus.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn type_text(&mut self, text: &str) -> LabResult<()> {
        text.chars().try_for_each(|letter| self.press(letter.encode_utf8(&mut [0; 4])))
    }

    /// A picture of what is in the window, as PNG.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn screenshot(&mut self) -> LabResult<Vec<u8>> {
        let picture = self.call("Page.captureScreenshot", json!({"format": "png"}))?;
        let text = picture["data"].as_str().unwrap_or_default();
        STANDARD.decode(text).map_err(|error| LabError::new(format!("the browser gives no picture: {error}")))
    }

    /// What a picture is like. It is decoded by a browser, in an empty page.
    ///
    /// # Errors
    /// When it is none.
    pub fn looks(browser: &Path, picture: &[u8]) -> LabResult<Looks> {
        let mut wire = Wire::start(browser)?;
        let session = attach(&mut wire)?;
        let mut page = Self { wire, session };
        let found = page.value(&format!(
            "(async () => {{ const image = new Image(); image.src = 'data:image/png;base64,{}'; await image.decode();
             const canvas = document.createElement('canvas'); [canvas.width, canvas.height] = [image.width, image.height];
             const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);
             const data = context.getImageData(0, 0, image.width, image.height).data;
             const colours = new Set(); let sum = 0;
             for (let at = 0; at < data.length; at += 16) {{ colours.add(data[at] << 16 | data[at + 1] << 8 | data[at + 2]);
               sum += (data[at] + data[at + 1] + data[at + 2]) / 3; }}
             return [colours.size, sum / (data.length / 16)]; }})()",
            STANDARD.encode(picture)
        ))?;
        let colours = found[0].as_u64().and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
        Ok(Looks { colours, brightness: found[1].as_f64().unwrap_or(0.0) })
    }

    /// Everything that the page complained of: uncaught exceptions, errors and warnings of the console, broken policies.
    pub fn complaints(&mut self) -> Vec<String> {
        let told = |message: &Value| match message["method"].as_str()? {
            "Runtime.exceptionThrown" => Some(message["params"]["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" => Some(message["params"]["args"].to_string()),
            "Log.entryAdded" => Some(message["params"]["entry"]["text"].to_string()),
            _ => None,
        };
        self.wire.events().iter().filter_map(told).collect()
    }

    /// The addresses of everything that was asked for, the page itself among them.
    pub fn requests(&mut self) -> Vec<String> {
        let sent = |message: &&Value| message["method"] == "Network.requestWillBeSent";
        let address = |message: &Value| Some(message["params"]["request"]["url"].as_str()?.to_owned());
        self.wire.events().iter().filter(sent).filter_map(address).collect()
    }

    /// What assistive technology is told: role and name of each element that is told at all, in the order of the page.
    ///
    /// # Errors
    /// When the browser is gone.
    pub fn spoken(&mut self) -> LabResult<Vec<(String, String)>> {
        let tree = self.call("Accessibility.getFullAXTree", json!({}))?;
        let text = |value: &Value| value["value"].as_str().unwrap_or_default().to_owned();
        let nodes = tree["nodes"].as_array().cloned().unwrap_or_default();
        let told = nodes.iter().filter(|node| node["ignored"] != true);
        Ok(told.map(|node| (text(&node["role"]), text(&node["name"]))).collect())
    }

    /// Waits until the page has painted what the last event changed.
    fn settled(&mut self) -> LabResult<()> {
        let frames =
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done))))";
        self.value(frames).map(drop)
    }

    #[allow(clippy::needless_pass_by_value)] // Each call makes its own.
    fn call(&mut self, method: &str, parameters: Value) -> LabResult<Value> {
        self.wire.call(Some(&self.session), method, &parameters)
    }
}

fn attach(wire: &mut Wire) -> LabResult<String> {
    let target = wire.call(None, "Target.createTarget", &json!({"url": "about:blank"}))?;
    let asked = json!({"targetId": target["targetId"], "flatten": true});
    let session = wire.call(None, "Target.attachToTarget", &asked)?;
    Ok(session["sessionId"].as_str().unwrap_or_default().to_owned())
}
