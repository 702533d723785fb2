/** The one table: sorted by its headings, paged by cursor, cards where there is no room; its state is in the address. */

import { ArrowDown, ArrowUp, ChevronsUpDown } from "lucide-react";
import type { ReactNode } from "react";
import { Link } from "react-router";

import { useMessages } from "../language.tsx";
import { useCursor, useFilters } from "../url.ts";
import { Button } from "./button.tsx";
import { classes } from "./classes.ts";
import { type Reading, Shown } from "./states.tsx";

export interface Column<T> {
  readonly id: string;
  readonly title: string;
  readonly cell: (row: T) => ReactNode;
  /** By what the column sorts: in the browser where it gives a value, by the server where it is "server". */
  readonly sort?: ((row: T) => string | number) | "server";
  readonly isNumber?: boolean;
  /** What the row is called: the heading of its card. */
  readonly isPrimary?: boolean;
}

interface TableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** Where a row leads to; its primary cell is the link. */
  readonly linkOf?: (row: T) => string;
  readonly empty: ReactNode;
}

export function Table<T>({ label, columns, rows, keyOf, linkOf, empty }: TableProps<T>) {
  const [{ sort }, setFilters] = useFilters({ sort: "" });
  if (rows.length === 0) return empty;
  return (
    <div className="overflow-x-auto" tabIndex={0} role="group" aria-label={label}>
      <table role="table" aria-label={label} className="table-cards w-full border-collapse text-start">
        <thead role="rowgroup">
          <tr role="row" className="border-b border-line">
            {columns.map((column) => <Heading key={column.id} column={column} sort={sort} onSort={(next) => setFilters({ sort: next })} />)}
          </tr>
        </thead>
        <tbody role="rowgroup">
          {sorted(rows, columns, sort).map((row) => (
            <tr role="row" key={keyOf(row)} className="border-b border-line last:border-b-0 hover:bg-ground">
              {columns.map((column) => (
                <td key={column.id} role="cell" data-label={column.title} data-primary={column.isPrimary || undefined} className={classes("px-3 py-2 align-middle first:ps-4 last:pe-4 phone:p-0!", column.isNumber && "text-end")}>
                  {column.isPrimary && linkOf ? <Link to={linkOf(row)} className="font-medium text-ink underline-offset-4 hover:text-accent hover:underline">{column.cell(row)}</Link> : column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Heading<T>({ column, sort, onSort }: { readonly column: Column<T>; readonly sort: string; readonly onSort: (sort: string) => void }) {
  const isUp = sort === column.id;
  const isDown = sort === `-${column.id}`;
  const Icon = isUp ? ArrowUp : isDown ? ArrowDown : ChevronsUpDown;
  return (
    <th role="columnheader" scope="col" aria-sort={isUp ? "ascending" : isDown ? "descending" : undefined} className={classes("px-3 py-2 text-xs font-medium whitespace-nowrap text-faint first:ps-4 last:pe-4", column.isNumber ? "text-end" : "text-start")}>
      {column.sort ? (
        <button type="button" className="inline-flex items-center gap-1 rounded-md hover:text-ink" onClick={() => onSort(isUp ? `-${column.id}` : isDown ? "" : column.id)}>
          {column.title}
          <Icon size={12} aria-hidden="true" />
        </button>
      ) : column.title || <span className="sr-only">…</span>}
    </th>
  );
}

function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], sort: string): readonly T[] {
  const by = columns.find((column) => column.id === sort.replace(/^-/, ""))?.sort;
  if (typeof by !== "function") return rows;
  const sign = sort.startsWith("-") ? -1 : 1;
  return rows.toSorted((one, other) => sign * compared(by(one), by(other)));
}

function compared(one: string | number, other: string | number): number {
  return typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
}

interface ListProps<T, D> extends Omit<TableProps<T>, "rows"> {
  readonly read: Reading<D> & { readonly isPlaceholderData?: boolean };
  readonly rowsOf: (data: D) => readonly T[];
  /** The cursor of the page below; null at the end. Left out where the list is whole. */
  readonly nextOf?: (data: D) => string | null;
}

/** A table over a read, with its states and its pages. */
export function List<T, D>({ read, rowsOf, nextOf, ...table }: ListProps<T, D>) {
  return (
    <div className="min-w-0 overflow-hidden rounded-lg border border-line bg-surface">
      <Shown read={read}>
        {(data) => (
          <div aria-busy={read.isPlaceholderData || undefined} className={classes(read.isPlaceholderData && "opacity-60")}>
            <Table {...table} rows={rowsOf(data)} />
            {nextOf && <Pager next={nextOf(data)} />}
          </div>
        )}
      </Shown>
    </div>
  );
}

function Pager({ next }: { readonly next: string | null }) {
  const t = useMessages();
  const { before, go } = useCursor();
  if (before === undefined && next === null) return null;
  return (
    <nav aria-label={t.common.pages} className="flex justify-end gap-2 border-t border-line px-4 py-2">
      <Button disabled={before === undefined} onClick={() => go(undefined)}>{t.common.firstPage}</Button>
      <Button disabled={next === null} onClick={() => next !== null && go(next)}>{t.common.nextPage}</Button>
    </nav>
  );
}
