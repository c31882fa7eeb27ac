import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queries } from './api/queries';
import { renewWhenOutdated } from './app/outdated';
import { router } from './app/router';
import { Theme } from './app/Theme';
import { connection } from './live/live';
import '@fontsource-variable/inter/wght.css';
import './app/page.css';

renewWhenOutdated(import.meta.url);
connection.start();

const root = document.getElementById('root');
if (!root) throw new Error('index.html has no #root');
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={queries}>
      <Theme>
        <RouterProvider router={router} />
      </Theme>
    </QueryClientProvider>
  </StrictMode>,
);
