// Holds the place of the first page while it is read.

const ROWS = Array.from({ length: 12 }, (_, row) => `row ${row}`);

export function Waiting() {
  return (
    <div className="waiting" role="status">
      <span className="hidden-label">The jobs are being read.</span>
      {ROWS.map((row) => (
        <div key={row} aria-hidden="true" />
      ))}
    </div>
  );
}
