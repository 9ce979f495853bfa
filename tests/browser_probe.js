// What the tests of the widgets ask a page of JupyterLab or of the room: which controls there are, and how long until a move of one can be seen.
() => { if (window.probe) return;
const KINDS = [['slider', '.noUi-handle'], ['combobox', '.widget-combobox input'], ['text', '.widget-text input'],
    ['words', '.widget-textarea textarea'], ['tick', '.widget-checkbox input'], ['choices', '.widget-toggle-buttons button'],
    ['list', '.widget-select select'], ['dropdown', '.widget-dropdown select'], ['button', 'button.jupyter-button'],
    ['fold', '.jupyter-widget-Collapse-header']];
function label(each) {
    const box = each.closest('.widget-inline-hbox, .widget-dropdown, .widget-select, .widget-textarea');
    const name = box && box.querySelector('.widget-label, .widget-label-basic');
    const said = name && name.style.display !== 'none' ? name.textContent : each.closest('.widget-checkbox, button, h3, .jupyter-widget-Collapse-header')?.textContent;
    return (said || each.textContent || '').replace('\u200b', '').trim(); }
function seen(each) { return each.getClientRects().length > 0; }
// what can be seen in a cell: its words without scripts, and its pictures
function looks(cell) {
    let words = '', pictures = '', waiting = false;
    for (const chart of cell.querySelectorAll('.tk-chart')) {
        const svg = chart.querySelector('svg');
        if (!svg && !chart.hasAttribute('data-failed')) waiting = true;
        if (svg) pictures += svg.outerHTML.replace(/(clip|gradient)_?\d+/g, '').replace(/clip\d+/g, ''); }
    const walk = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, node =>
        node.nodeType === 3 ? NodeFilter.FILTER_ACCEPT
        : /^(script|style|svg|datalist)$/i.test(node.nodeName) || node.matches('.tk-tools, .widget-readout')
            ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_SKIP);
    while (walk.nextNode()) words += walk.currentNode.data;
    const open = cell.querySelectorAll('.jupyter-widget-Collapse-open');
    return { words: words + [...open].map(each => each.firstChild.textContent), pictures, waiting }; }
const drawn = () => ![...document.querySelectorAll('.jp-OutputArea .tk-chart')].some(c => !c.querySelector('svg') && !c.dataset.failed);
const statusbar = document.querySelector('#jp-main-statusbar');
const kernel = statusbar ? null : (() => { // the room shows no state of its kernel: it has to be asked
    const told = JSON.parse(document.getElementById('jupyter-config-data').textContent);
    return new WebSocket(`${location.origin.replace('http', 'ws')}${told.baseUrl}api/kernels/${told.kernelId}/channels`); })();
const opened = kernel && new Promise(done => { kernel.onopen = done; });
// requests are answered in order: when this one is, everything that was asked for before is done
async function answered() { await opened;
    const id = String(Math.random()), header = { msg_id: id, msg_type: 'kernel_info_request', session: 'probe', username: '', version: '5.3' };
    const done = new Promise(end => kernel.addEventListener('message', function listen(event) {
        const said = typeof event.data === 'string' ? JSON.parse(event.data) : {};
        if (said.parent_header?.msg_id !== id || said.content.execution_state !== 'idle') return;
        kernel.removeEventListener('message', listen); setTimeout(end, 30); }));
    kernel.send(JSON.stringify({ channel: 'shell', header, parent_header: {}, metadata: {}, content: {} }));
    return done; }
window.probe = {
    async idle() { if (kernel) await answered();
        return (!statusbar || /\| Idle/.test(statusbar.textContent)) && drawn(); },
    find() { const found = [];
        document.querySelectorAll('.jp-CodeCell').forEach((cell, number) => { const area = cell.querySelector('.jp-Cell-outputWrapper');
            for (const [kind, way] of KINDS) for (const each of area?.querySelectorAll(way) || []) {
                if (each.dataset.probe || each.closest('.tk-ed, .tk-table, .tk-tools') || (kind !== 'fold' && kind !== 'slider' && each.style.display === 'none')) continue;
                if (each.closest('.jupyter-widgets')?.style.display === 'none') continue;
                if (kind === 'button' && each.closest('.widget-toggle-buttons')) continue;
                each.dataset.probe = String(window.probe.count = (window.probe.count || 0) + 1);
                found.push({ number: Number(each.dataset.probe), kind, label: label(each), cell: number, tab: each.tabIndex >= 0 }); } });
        return found; },
    unfold(number) { const fold = document.querySelector(`[data-probe="${number}"]`).closest('.jupyter-widget-Collapse');
        if (fold && !fold.matches('.jupyter-widget-Collapse-open')) fold.querySelector('.jupyter-widget-Collapse-header').click(); },
    state(number) { const each = document.querySelector(`[data-probe="${number}"]`);
        return { there: !!each && seen(each), chosen: each?.selectedIndex ?? null, fixed: !!each && (each.options?.length < 2 || each.matches('.mod-active')), disabled: !!each && (each.disabled || each.getAttribute('aria-disabled') === 'true'
            || !!each.closest('[disabled]')) }; },
    watch(number, patience) { const each = document.querySelector(`[data-probe="${number}"]`);
        const cell = each.closest('.jp-Cell-outputWrapper'), before = looks(cell); let begun = performance.now(), first = null, chart = null;
        const mark = event => { if (first === null && event.isTrusted | event.type === 'change' | event.type === 'input') begun = event.timeStamp; };
        const events = ['pointerdown', 'pointerup', 'keydown', 'input', 'change', 'click'];
        events.forEach(name => document.addEventListener(name, mark, true));
        window.probe.told = new Promise(done => { let quiet;
            const end = () => { told.disconnect(); clearTimeout(late); events.forEach(name => document.removeEventListener(name, mark, true));
                done({ first: first === null ? null : first - begun, chart: chart === null ? null : chart - begun }); };
            const look = () => { const now = looks(cell), at = performance.now();
                if (first === null && (now.words !== before.words || (!now.waiting && now.pictures !== before.pictures))) first = at;
                if (chart === null && !now.waiting && now.pictures !== before.pictures) chart = at;
                const working = now.waiting || cell.querySelector('progress:not([value])')
                    || [...cell.querySelectorAll('p, [role=status]')].some(each => each.textContent.trim().endsWith(' …'));
                clearTimeout(quiet); if (first !== null && !working) quiet = setTimeout(end, 120); };
            const told = new MutationObserver(look);
            told.observe(cell, { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ['value', 'd', 'class'] });
            const late = setTimeout(end, patience); }); } }; }
