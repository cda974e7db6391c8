/** Buttons that save a table or a picture. */
import type { RefObject } from 'preact';
import { csvText, jsonText, type TableColumn } from '../../export/index.js';
import { saveFile, savePng, saveSvg } from './save.js';

/** Saves rows as CSV or JSON. `rows` is called when a button is pressed. */
export function SaveTable<Row>(props: {
  readonly name: string;
  readonly columns: readonly TableColumn<Row>[];
  readonly rows: () => readonly Row[];
}) {
  const { name, columns, rows } = props;
  return (
    <span class="save" role="group" aria-label="Save the table">
      <button onClick={() => saveFile(`${name}.csv`, 'text/csv', [csvText(columns, rows())])}>CSV</button>
      <button onClick={() => saveFile(`${name}.json`, 'application/json', [jsonText(columns, rows())])}>JSON</button>
    </span>
  );
}

/** Saves a picture as SVG or PNG. */
export function SavePicture({
  name,
  picture,
}: {
  readonly name: string;
  readonly picture: RefObject<SVGSVGElement | null>;
}) {
  const withPicture = (save: (picture: SVGSVGElement, name: string) => unknown) => () => {
    if (picture.current !== null) save(picture.current, name);
  };
  return (
    <span class="save" role="group" aria-label="Save the picture">
      <button onClick={withPicture(saveSvg)}>SVG</button>
      <button onClick={withPicture(savePng)}>PNG</button>
    </span>
  );
}
