//! What is asked of every page, as JavaScript. Each lists what is wrong.

/// What sticks out of the window, but for what scrolls by itself.
pub const OVERFLOW: &str = r"(() => {
    const wide = document.documentElement.clientWidth;
    const page = document.documentElement.scrollWidth > wide ? [`the page has ${document.documentElement.scrollWidth} px`] : [];
    const out = [...document.querySelectorAll('body *')]
        .filter(at => !at.closest('.scroll, .skip, svg') && at.getBoundingClientRect().right > wide + 1)
        .map(at => at.outerHTML.slice(0, 90));
    return [...page, ...out];
})()";

/// Text whose colour is too near to that of its background (WCAG 2.2, 1.4.3: at least 4.5 to 1), or a box's rim (1.4.11: 3 to 1).
pub const CONTRAST: &str = r"(() => {
    const parts = colour => colour.match(/[\d.]+/g).map(Number);
    const light = colour => {
        const [red, green, blue] = parts(colour).map(part => part / 255)
            .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const ratio = (one, other) => {
        const [low, high] = [light(one), light(other)].sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    const clear = colour => colour === 'transparent' || (parts(colour)[3] ?? 1) === 0;
    const behind = at => {
        for (let up = at; up; up = up.parentElement) {
            // In a picture, letters stand on the box of their group, else on the rim or the page.
            const box = up.localName === 'g' && up.querySelector(':scope > .box, :scope > .bar');
            if (box) return getComputedStyle(box).fill;
            if (up.localName === 'svg' && up.querySelector('.rim') && at.localName === 'text') return getComputedStyle(up.querySelector('.rim')).fill;
            const ground = getComputedStyle(up).backgroundColor;
            if (!clear(ground)) return ground;
        }
        return getComputedStyle(document.documentElement).backgroundColor;
    };
    const seen = at => at.checkVisibility() && [...at.childNodes].some(part => part.nodeType === 3 && part.data.trim());
    const letters = [...document.querySelectorAll('body *')].filter(at => at.localName !== 'title' && seen(at)).map(at => {
        const style = getComputedStyle(at);
        const found = ratio(at.closest('svg') ? style.fill : style.color, behind(at));
        return [found, 4.5, at];
    });
    const rims = [...document.querySelectorAll('.box, .bar')].filter(at => at.checkVisibility()).map(at => {
        return [ratio(getComputedStyle(at).stroke, getComputedStyle(at).fill), 3, at];
    });
    return [...letters, ...rims].filter(([found, needed]) => !(found >= needed))
        .map(([found, , at]) => `${found.toFixed(2)}: ${at.outerHTML.slice(0, 90)}`);
})()";

/// Headings that are more than one level below the one before.
pub const HEADINGS: &str = r"(() => {
    const all = [...document.querySelectorAll('h1, h2, h3, h4')].map(at => [Number(at.localName[1]), at.textContent]);
    const skipped = all.filter(([level], at) => level > (all[at - 1]?.[0] ?? 0) + 1).map(([, words]) => words);
    return document.querySelectorAll('h1').length === 1 ? skipped : [...skipped, 'not one h1'];
})()";

/// Parts of a page that have no name for those who do not see it.
pub const UNNAMED: &str = r"(() => {
    const out = [];
    const missing = (at, what) => out.push(`${what}: ${at.outerHTML.slice(0, 90)}`);
    if (!document.documentElement.lang) missing(document.documentElement, 'language');
    document.querySelectorAll('table').forEach(at => {
        if (!at.caption?.textContent.trim()) missing(at, 'caption');
        at.querySelectorAll('tr').forEach(row => {
            if (!row.querySelector('th[scope]')) missing(row, 'head');
        });
    });
    document.querySelectorAll('svg[role]').forEach(at => { if (!at.getAttribute('aria-label')) missing(at, 'label'); });
    document.querySelectorAll('[role=region], nav').forEach(at => { if (!at.getAttribute('aria-label')) missing(at, 'label'); });
    document.querySelectorAll('a[href]').forEach(at => { if (!at.textContent.trim()) missing(at, 'text'); });
    document.querySelectorAll('section').forEach(at => {
        if (!document.getElementById(at.getAttribute('aria-labelledby'))) missing(at, 'heading');
    });
    return out;
})()";
