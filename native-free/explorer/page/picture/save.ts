/** Saves what a view shows: a file that the browser offers, without leaving the page. */

/** Milliseconds until the memory of a saved file is freed; a browser may begin to read it late. */
const KEEP_MS = 60_000;

/** Offers bytes or text as a file. */
export function saveFile(name: string, type: string, pieces: readonly (string | Uint8Array)[]): void {
  const url = URL.createObjectURL(new Blob(pieces as BlobPart[], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), KEEP_MS);
}

/** Properties that the page's style sheet sets on pictures, and that a saved one must have itself. */
const STYLES = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'opacity',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
] as const;

/** A picture as an SVG file of its own, with the colours that it has on the page now. */
export function svgText(picture: SVGSVGElement): string {
  const copy = picture.cloneNode(true) as SVGSVGElement;
  const { width, height } = picture.getBoundingClientRect();
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  if (!copy.hasAttribute('viewBox')) copy.setAttribute('viewBox', `0 0 ${width} ${height}`);
  copy.setAttribute('width', String(Math.round(width)));
  copy.setAttribute('height', String(Math.round(height)));
  const originals = [picture, ...picture.querySelectorAll('*')];
  const copies = [copy, ...copy.querySelectorAll('*')];
  originals.forEach((original, i) => {
    const computed = getComputedStyle(original);
    for (const name of STYLES) {
      const value = computed.getPropertyValue(name);
      if (value !== '') copies[i].setAttribute(name, value);
    }
    for (const name of ['class', 'tabindex', 'role']) copies[i].removeAttribute(name);
  });
  const background = document.createElementNS('http://www.w3.org/2000/svg', 'rect');
  for (const [name, value] of [
    ['width', '100%'],
    ['height', '100%'],
    ['fill', getComputedStyle(document.body).backgroundColor],
  ])
    background.setAttribute(name, value);
  copy.prepend(background);
  return new XMLSerializer().serializeToString(copy);
}

/** Pixels of a PNG per pixel of the page. */
const SCALE = 2;

/** Saves a picture as SVG. */
export function saveSvg(picture: SVGSVGElement, name: string): void {
  saveFile(`${name}.svg`, 'image/svg+xml', [svgText(picture)]);
}

/** Saves a picture as PNG, at twice its size on the page. */
export async function savePng(picture: SVGSVGElement, name: string): Promise<void> {
  const { width, height } = picture.getBoundingClientRect();
  const url = URL.createObjectURL(new Blob([svgText(picture)], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(width * SCALE);
    canvas.height = Math.round(height * SCALE);
    canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
    saveCanvas(canvas, name);
  } finally {
    URL.revokeObjectURL(url);
  }
}

/** Saves a canvas as PNG. */
export function saveCanvas(canvas: HTMLCanvasElement, name: string): void {
  canvas.toBlob((blob) => {
    if (blob !== null)
      void blob.arrayBuffer().then((bytes) => saveFile(`${name}.png`, 'image/png', [new Uint8Array(bytes)]));
  });
}
