/** The end of an id tells two of them apart; the beginning is the time. */
export function ShortId({ id }: { id: string }) {
  return <code title={id}>…{id.slice(-8)}</code>;
}
