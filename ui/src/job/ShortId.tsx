// The end of an id: it tells two of them apart, where the beginning is the time.

export function ShortId({ id }: { id: string }) {
  return <code title={id}>…{id.slice(-8)}</code>;
}
