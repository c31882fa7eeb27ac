// Builds the page into dist/, which the server embeds. `npm run dev` serves it anew at every change and passes the rest on
// to a server: STASHHOG_SERVER=http://127.0.0.1:4004 npm run dev

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

const server = process.env.STASHHOG_SERVER ?? 'http://127.0.0.1:4004';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2023',
    // One icon is one file, so that only those that are shown are loaded; none is put into another file as text.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
  },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': { target: server, ws: true }, '/health': server },
  },
  test: { include: ['src/**/*.test.ts', 'src/**/*.test.tsx'] },
});
