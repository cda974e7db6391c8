/**
 * The script of the page. Without it, the page shows the same; with it, tables can be sorted, the chart of the throughput
 * read at a cursor, and commands copied. It requests nothing.
 */
export const PAGE_SCRIPT = `(() => {
  'use strict';
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const make = (name, properties) => Object.assign(document.createElement(name), properties);

  const numberOf = (cell) => {
    const text = (cell.dataset.v ?? cell.textContent).replace(/[,%\\s]/g, '');
    return text === '' || Number.isNaN(Number.parseFloat(text)) ? undefined : Number.parseFloat(text);
  };
  const order = new Intl.Collator('en', { numeric: true });
  const sort = (table, head, column, numeric) => {
    const first = numeric ? 'descending' : 'ascending';
    const other = numeric ? 'ascending' : 'descending';
    const direction = head.getAttribute('aria-sort') === first ? other : first;
    const sign = direction === 'ascending' ? 1 : -1;
    const rows = [...table.tBodies[0].rows].map((row) => {
      const cell = row.cells[column];
      return { row, value: numeric || cell.dataset.v !== undefined ? numberOf(cell) : cell.textContent.trim() || undefined };
    });
    rows.sort(({ value: a }, { value: b }) => {
      if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
      return sign * (typeof a === 'number' ? a - b : order.compare(a, b));
    });
    table.tBodies[0].append(...rows.map(({ row }) => row));
    for (const one of table.tHead.rows[0].cells) one.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', direction);
  };
  for (const table of all('table[data-sortable]')) {
    if (table.tBodies[0].rows.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = make('button', { type: 'button' });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener('click', () => sort(table, head, column, head.classList.contains('n')));
    });
  }

  for (const chart of all('[data-series]')) {
    const table = document.getElementById(chart.dataset.series);
    const plot = chart.querySelector('.plot');
    const cursor = chart.querySelector('.cursor');
    const rows = [...table.tBodies[0].rows];
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    if (rows.length < 2) continue;
    const scrub = make('div', { className: 'scrub' });
    const input = make('input', { type: 'range', min: 0, max: rows.length - 1, value: 0, ariaLabel: 'Time in the chart' });
    const output = make('output', { textContent: 'Move over the chart, or use the arrow keys here, to read it.' });
    scrub.append(input, output);
    chart.append(scrub);
    const show = (index) => {
      const [time, ...values] = [...rows[index].cells].map((cell) => cell.textContent);
      const text = names.map((name, i) => name + ' ' + values[i]).join(' · ') + ' ' + table.dataset.unit;
      output.replaceChildren(make('b', { textContent: time }), ' ' + text);
      input.ariaValueText = time + ', ' + text;
      cursor.setAttribute('d', 'M' + (index + 0.5) + ' 0V100');
      chart.classList.add('reading');
    };
    input.addEventListener('input', () => show(input.valueAsNumber));
    input.addEventListener('focus', () => show(input.valueAsNumber));
    const point = (event) => {
      const { left, width } = plot.getBoundingClientRect();
      const index = Math.floor(((event.clientX - left) / width) * rows.length);
      input.value = Math.min(rows.length - 1, Math.max(0, index));
      show(input.valueAsNumber);
    };
    plot.addEventListener('pointermove', point);
    plot.addEventListener('pointerdown', point);
  }

  if (navigator.clipboard !== undefined) {
    for (const block of all('.commands')) {
      const text = block.textContent;
      const button = make('button', { type: 'button', textContent: 'Copy' });
      button.addEventListener('click', () => {
        navigator.clipboard.writeText(text).then(
          () => (button.textContent = 'Copied'),
          () => (button.textContent = 'Not allowed'),
        );
      });
      block.append(button);
    }
  }

  const links = new Map(all('nav a').map((link) => [link.hash.slice(1), link]));
  const visible = new Set();
  const watch = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) visible[isIntersecting ? 'add' : 'delete'](target.firstElementChild.id);
    const current = [...links.keys()].find((id) => visible.has(id));
    for (const [id, link] of links) {
      if (id === current) link.setAttribute('aria-current', 'true');
      else link.removeAttribute('aria-current');
    }
  }, { rootMargin: '-10% 0px -60%' });
  for (const section of all('main section')) watch.observe(section);

  let closed = [];
  addEventListener('beforeprint', () => {
    closed = all('details:not([open]):not(.series)');
    for (const one of closed) one.open = true;
  });
  addEventListener('afterprint', () => {
    for (const one of closed) one.open = false;
  });
})();
`;
