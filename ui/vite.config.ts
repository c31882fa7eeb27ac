// Builds the page into dist/page/, which the server embeds. `npm run dev` serves it anew at every change and passes the rest on
// to a server: STASHHOG_SERVER=http://127.0.0.1:4004 npm run dev

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { icons } from './icons';

const server = process.env.STASHHOG_SERVER ?? 'http://127.0.0.1:4004';

const PAGE = 'dist/page';

/** Files below are sent as they are: compressed they fill as many packets. */
const COMPRESSED_FROM = 1_400;

/** Fonts, which are compressed already. */
const COMPRESSED = /\.woff2$/;

/** Lays a compressed copy beside each larger file, so that the server need not compress it again for every visitor. */
function compress(): Plugin {
  return {
    name: 'compress',
    apply: 'build',
    async closeBundle() {
      const entries = await readdir(PAGE, { recursive: true, withFileTypes: true });
      for (const file of entries.filter((entry) => entry.isFile() && !COMPRESSED.test(entry.name))) {
        const path = join(file.parentPath, file.name);
        const whole = await readFile(path);
        if (whole.length >= COMPRESSED_FROM) await writeFile(`${path}.gz`, gzipSync(whole, { level: 9 }));
      }
    },
  };
}

/** The font's licence wants to go where the font goes. */
function fontLicence(): Plugin {
  return {
    name: 'font-licence',
    apply: 'build',
    async generateBundle() {
      const source = await readFile('node_modules/@fontsource-variable/inter/LICENSE');
      this.emitFile({ type: 'asset', fileName: 'inter-licence.txt', source });
    },
  };
}

export default defineConfig({
  plugins: [react(), icons(PAGE), fontLicence(), compress()],
  build: {
    outDir: PAGE,
    target: 'es2023',
    // All styles are there from the start: they are few, and one that does not come is not asked for again.
    cssCodeSplit: false,
    chunkSizeWarningLimit: 800,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: server, ws: true }, '/health': server },
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
});
