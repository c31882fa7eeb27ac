export function RunForm() {
  return <h1>RunForm</h1>;
}
