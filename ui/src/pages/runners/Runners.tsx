export function Runners() {
  return <h1>Runners</h1>;
}
