import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Portal } from './app/portal.js';
import { SessionProvider } from './app/session.js';
import { startTheme } from './app/theme.js';
import './styles/app.css';

startTheme();
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element with the id root');
createRoot(root).render(
  <StrictMode>
    <SessionProvider>
      <Portal />
    </SessionProvider>
  </StrictMode>,
);
