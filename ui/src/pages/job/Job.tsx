export function Job() {
  return <h1>Job</h1>;
}
