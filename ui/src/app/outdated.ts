// A page that was left open while its server was replaced: the files that it would load late are gone.

/** Has the page come anew when it misses a file and the server answers with another page than this one. */
export function renewWhenOutdated(script: string): void {
  window.addEventListener('vite:preloadError', () => {
    // Only then: without a server, or with the very same page, there would be nothing better to see.
    void answered().then((page) => {
      if (page !== undefined && !page.includes(new URL(script).pathname)) location.reload();
    });
  });
}

async function answered(): Promise<string | undefined> {
  try {
    const response = await fetch('/', { cache: 'no-store', headers: { accept: 'text/html' } });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}
