import { fileURLToPath } from 'node:url';
import tailwindcss from '@tailwindcss/vite';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** The controller that `vite dev` talks to; its certificate is its own CA's, so it is not verified here. */
const controllerUrl = process.env.PORTAL_CONTROLLER_URL ?? 'https://127.0.0.1:8443';

export default defineConfig({
  plugins: [react(), tailwindcss()],
  resolve: {
    alias: {
      // The original injects a <style> element, which a strict Content-Security-Policy refuses.
      'react-remove-scroll': fileURLToPath(new URL('./src/ui/remove-scroll.tsx', import.meta.url)),
    },
  },
  build: {
    target: ['chrome123', 'firefox121', 'safari17.5'],
    // Fonts and images stay files: `data:` addresses would widen the Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  server: {
    proxy: {
      '/graphql': { target: controllerUrl, secure: false },
      '/live': { target: controllerUrl, secure: false, ws: true },
    },
  },
});
