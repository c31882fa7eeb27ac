// Ant Design's outlined icons as files of the page, /icons/folder-open.svg, so that a job type's icon is found by the
// name that its file gives, and only what is shown is loaded.

import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import type { Plugin } from 'vite';

const DRAWN = 'node_modules/@ant-design/icons-svg/inline-svg/outlined';
const SERVED = '/icons/';

/** As drawn they are parts of a page; a file has to name its language. */
async function drawing(file: string): Promise<string> {
  const svg = await readFile(`${DRAWN}/${file}`, 'utf8');
  return svg.replace('<svg ', '<svg xmlns="http://www.w3.org/2000/svg" ');
}

export function icons(page: string): Plugin {
  return {
    name: 'icons',
    async writeBundle() {
      await mkdir(page + SERVED, { recursive: true });
      for (const file of await readdir(DRAWN)) await writeFile(page + SERVED + file, await drawing(file));
    },
    configureServer(server) {
      server.middlewares.use(SERVED, (request, response) => {
        const file = (request.url ?? '').replace(/^\/|\?.*$/g, '');
        drawing(/^[a-z0-9-]+\.svg$/.test(file) ? file : 'none').then(
          (svg) => response.setHeader('Content-Type', 'image/svg+xml').end(svg),
          () => response.writeHead(404).end(),
        );
      });
    },
  };
}
