//! The language of a page follows its user, then the browser; what crosses the line is read at each end in its own language. Right to
//! left, with names that are written so.

use serde_json::json;

use crate::browser::Browser;
use crate::ring::RINGS;
use crate::scratch::Scratch;
use crate::{Desk, arm, heading};

/// A browser that asks for this language, in which nobody is signed in.
fn browser(name: &str, language: &str) -> Browser {
    let mut browser = Browser::start(name);
    browser.call("Network.enable", json!({}));
    browser.call("Network.setExtraHTTPHeaders", json!({"headers": {"Accept-Language": language}}));
    browser
}

/// Signs in by a link, with its one button.
fn enter(browser: &mut Browser, link: &str) {
    browser.open(link);
    browser.look("document.querySelector('button.main').click()");
    browser.until("location.pathname === '/lines' && !!document.body.dataset.position");
}

/// Words of an English sentence that stand on the page; what people have written, and the words of the protocol, do not count.
fn english(browser: &mut Browser) -> String {
    let script = "(() => {
        const copy = document.body.cloneNode(true);
        copy.querySelectorAll('script, template, [lang]:not(html), textarea, select, kbd').forEach((e) => e.remove());
        const words = copy.textContent.match(/\\b([Tt]he|of|is|are|and|[Nn]ot|[Tt]heir|[Oo]ur|[Tt]hey|[Ww]e|[Ii]t|to|[Bb]y|with|has|have|[Nn]o|was)\\b/g);
        return (words || []).join(' ');
    })()";
    browser.look(script).as_str().unwrap_or_default().to_owned()
}

fn is_russian(browser: &mut Browser) {
    assert_eq!(browser.look("document.documentElement.lang + ' ' + document.documentElement.dir"), json!("ru ltr"));
    let found = english(browser);
    assert_eq!(found, "", "{}: {}", browser.look("location.pathname"), browser.look("document.body.innerText"));
}

fn arm_in_russian(page: &mut Browser) {
    page.until("document.querySelector('[data-bell]').textContent === 'Звонок не включён'");
    page.touch("document.querySelector('[data-arm]').click()");
    page.until("document.querySelector('[data-bell]').textContent === 'Звонок включён'");
    page.until("document.querySelector('[data-live]').textContent === 'на связи'");
}

/// What is wider than its place, of all that does not scroll by itself: text that is cut, or a page or a ring that goes sideways.
pub fn cut(browser: &mut Browser) -> String {
    let script = "[...document.querySelectorAll('dialog[open], dialog[open] *, main, main *, header *')].filter((e) => {
        const scrolls = (e) => e && (['auto', 'scroll'].includes(getComputedStyle(e).overflowX) || scrolls(e.parentElement));
        const box = e.getBoundingClientRect(), out = box.right > innerWidth + 1 || box.left < -1;
        const isText = e.matches('button, a, p, h1, h2, b, span, td, th, small, dd, dt, legend, label') && !e.matches('.vh, .vh *, .skip, [aria-hidden=true], [aria-hidden=true] *');
        const shown = box.width > 0 && getComputedStyle(e).visibility !== 'hidden' && e.checkVisibility();
        return isText && shown && !scrolls(e.tagName === 'DIALOG' ? null : e.parentElement.closest('.wide, nav')) && (out || (e.clientWidth > 0 && e.scrollWidth > e.clientWidth + 1));
    }).map((e) => e.tagName + '.' + e.className + ': ' + e.textContent.trim().slice(0, 40)).join('; ')";
    browser.look(script).as_str().unwrap_or("the script has failed").to_owned()
}

/// A page in both widths and both colour schemes.
fn pictures(browser: &mut Browser, name: &str) {
    for (width, scheme) in [(1280, "light"), (390, "dark"), (1280, "dark"), (390, "light")] {
        browser.picture(name, width, scheme);
        let found = cut(browser);
        if !found.is_empty() {
            browser.complaints.push(format!("{name} at {width}: {found}"));
        }
    }
}

#[test]
fn with_a_russian_browser_one_signs_in_asks_and_hears_it_ring_in_russian_and_the_other_side_reads_its_own_language() {
    let scratch = Scratch::new("desk-russian");
    let [north, south] = Desk::two(&scratch);
    let mut asks = browser("browser-ru-north", "ru-RU,ru;q=0.9,en;q=0.5");
    asks.open(&format!("http://{}/sign-in", north.address));
    assert_eq!(asks.look("document.querySelector('h2').textContent"), json!("Вход"));
    is_russian(&mut asks);
    pictures(&mut asks, "ru-sign-in");
    enter(&mut asks, &north.link("Дежурный 1", "watch"));
    asks.until(&heading("Этого пульта ничто не ждёт"));
    let mut rings = browser("browser-ru-south", "ru");
    enter(&mut rings, &south.link("Дежурный 2", "watch"));
    let mut reads = browser("browser-en-south", "de, en;q=0.5");
    enter(&mut reads, &south.link("Duty officer 3", "auditor"));
    [&mut asks, &mut rings].into_iter().for_each(arm_in_russian);

    asks.tab_to("a[href='/asks/new']");
    asks.press("Enter");
    asks.until("location.pathname === '/asks/new' && document.activeElement.name === 'subject'");
    asks.write("Танкер дрейфует у мыса Орр: совместная буксировка");
    // What they will read is asked of the station while one writes; until it is here the page shows the old, dimmed.
    asks.until("!document.querySelector('[aria-busy=true]') && document.querySelector('.willread').textContent.includes('Танкер')");
    is_russian(&mut asks);
    pictures(&mut asks, "ru-ask");
    asks.tab_to("button[value=ask]");
    asks.press("Enter");
    asks.until("location.pathname.includes('/requests/')");

    rings.until(RINGS);
    let told = rings.look("document.querySelector('.ring h1').textContent");
    assert!(told.as_str().unwrap().contains("Northland запрашивает разговор"), "{told}");
    is_russian(&mut rings);
    pictures(&mut rings, "ru-ring");
    reads.until("document.querySelector('.matter h2').textContent.includes('Northland asks to talk')");
    assert_eq!(reads.look("document.documentElement.lang"), json!("en"));
    // A keyboard with Russian letters has the same keys in the same places.
    rings.until(&format!("{RINGS} && !('early' in document.getElementById('bell-dialog').dataset)"));
    rings.call("Input.dispatchKeyEvent", json!({"type": "keyDown", "key": "ы", "code": "KeyS", "text": "ы"}));
    asks.until(&heading("Просмотрено"));
    is_russian(&mut asks);
    pictures(&mut asks, "ru-request");
    rings.until("location.pathname.includes('/requests/')");
    is_russian(&mut rings);
    pictures(&mut rings, "ru-request-theirs");

    for page in ["lines", "texts", "record", "settings"] {
        asks.tab_to(&format!("nav a[href$='/{page}']"));
        asks.press("Enter");
        asks.until(&format!("location.pathname.endsWith('/{page}')"));
        is_russian(&mut asks);
        pictures(&mut asks, &format!("ru-{page}"));
    }
    assert_eq!([asks.complaints.clone(), rings.complaints.clone()].concat(), Vec::<String>::new());
}

#[test]
fn what_a_user_has_set_goes_before_what_a_browser_asks_and_holds_in_every_browser_of_theirs() {
    let scratch = Scratch::new("desk-setting");
    let mut north = Desk::init(scratch.path(), "north", "Northland");
    north.station.serve();
    let mut first = browser("browser-setting", "en");
    enter(&mut first, &north.link("Officer", "auditor"));

    first.tab_to("nav a[href='/settings']");
    first.press("Enter");
    first.until("location.pathname === '/settings'");
    first.look("document.querySelector('[name=language][value=ru]').click()");
    first.look("document.querySelector('[name=direction][value=rtl]').click()");
    first.tab_to("button[data-key=settings]");
    first.press("Enter");

    first.until("document.documentElement.lang === 'ru' && document.documentElement.dir === 'rtl'");
    assert_eq!(first.look("document.querySelector('[name=language]:checked').value"), json!("ru"));
    let mut second = browser("browser-setting-other", "en");
    enter(&mut second, &north.link("Officer", "auditor"));
    assert_eq!(second.look("document.documentElement.lang + ' ' + document.documentElement.dir"), json!("ru rtl"));
    let mut other = browser("browser-setting-none", "fr");
    enter(&mut other, &north.link("Another", "auditor"));
    assert_eq!(other.look("document.documentElement.lang + ' ' + document.documentElement.dir"), json!("en ltr"));
}

#[test]
fn from_right_to_left_with_arabic_names_ours_is_right_clocks_and_bands_do_not_turn_and_nothing_is_cut() {
    let scratch = Scratch::new("desk-right");
    let mut desks = [("north", "تارين"), ("south", "Northland")].map(|(n, sign)| Desk::init(scratch.path(), n, sign));
    desks.iter_mut().for_each(|desk| desk.station.serve());
    let [tarrin, north] = &desks;
    crate::processes::pair(&tarrin.station, &north.station);
    let mut page = browser("browser-right", "en");
    enter(&mut page, &tarrin.link("ضابط المناوبة", "watch"));
    arm(&mut page);
    page.open(&format!("http://{}/settings", tarrin.address));
    page.look("document.querySelector('[name=direction][value=rtl]').click()");
    page.look("document.querySelector('button[data-key=settings]').click()");
    page.until("document.documentElement.dir === 'rtl'");
    pictures(&mut page, "rtl-settings");
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "PRIORITY",
        "words": {"text": "ناقلة منجرفة قبالة رأس أور", "language": "ar"}});
    assert_eq!(tarrin.station.post("/acts", &form).unwrap().0, 200);

    page.open(&format!("http://{}/lines", tarrin.address));
    page.until("!!document.querySelector('.matter a')");
    pictures(&mut page, "rtl-lines");
    page.look("document.querySelector('.matter a').click()");
    page.until("location.pathname.includes('/requests/')");
    page.until(&heading("Delivered"));
    page.picture("rtl-request", 1280, "light");
    let place = |selector: &str| format!("document.querySelector('{selector}').getBoundingClientRect().x");
    let ours_is_right = format!("{} > {}", place(".ends > :first-child"), place(".ends > :last-child"));
    assert_eq!(page.look(&ours_is_right), json!(true), "ours at the right");
    assert_eq!(page.look("getComputedStyle(document.querySelector('.rung time')).direction"), json!("ltr"));
    assert_eq!(page.look("document.querySelector('.lede').textContent.includes('\\u2068')"), json!(false));
    let said = page.look("document.getElementById('plainlines').textContent");
    assert!(
        said.as_str().unwrap().contains('\u{2068}'),
        "an Arabic name within an English sentence is kept apart: {said}"
    );
    pictures(&mut page, "rtl-request");

    let words = json!({"text": "The Minister is travelling.", "language": "en"});
    let form = json!({"act": "defer", "on": "1 of تارين", "code": "TRAVELLING", "words": words});
    let deferred = north.station.post("/acts", &form).unwrap();
    assert_eq!(deferred.0, 200, "{}", deferred.1);
    let form = json!({"act": "ask", "from": "minister", "to": "minister", "precedence": "IMMEDIATE", "words": {"text": "Fog"}});
    assert_eq!(north.station.post("/acts", &form).unwrap().0, 200);
    page.until("document.getElementById('bell-dialog').open");
    pictures(&mut page, "rtl-ring");
    assert_eq!(page.complaints, Vec::<String>::new());
    // What rings would cover the other pages; nothing rings at who only reads.
    let mut reader = browser("browser-right-reader", "en");
    enter(&mut reader, &tarrin.link("مراقب", "auditor"));
    reader.open(&format!("http://{}/settings", tarrin.address));
    reader.look("document.querySelector('[name=direction][value=rtl]').click()");
    reader.look("document.querySelector('button[data-key=settings]').click()");
    reader.until("document.documentElement.dir === 'rtl'");
    let line = reader.look("document.querySelector('nav a[href$=\"/texts\"]').pathname.split('/')[2]");
    for path in ["texts", "record"] {
        reader.open(&format!("http://{}/lines/{}/{path}", tarrin.address, line.as_str().unwrap()));
        pictures(&mut reader, &format!("rtl-{path}"));
    }
    reader.open(&format!("http://{}/asks/new", tarrin.address));
    pictures(&mut reader, "rtl-ask");
    assert_eq!(reader.complaints, Vec::<String>::new());
}
