// node shoot.mjs ANSWERS FOLDER: draws every dashboard of the answers in Chromium; a picture and the texts of each.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const [answers, folder] = process.argv.slice(2);
const work = mkdtempSync(join(tmpdir(), 'fleetmon-shots-'));
const find = createRequire(import.meta.url).resolve;
await build({
  entryPoints: [new URL('page.jsx', import.meta.url).pathname],
  bundle: true,
  outfile: join(work, 'page.js'),
  define: { 'process.env.NODE_ENV': '"production"' },
  loader: { '.svg': 'dataurl', '.ttf': 'empty' },
  logLevel: 'error',
});
const icons = join(dirname(find('@grafana/ui/package.json')), 'dist/public/img/icons');
const html = `<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="page.css">
  <body style="margin:0"><div id="root"></div><script src="page.js"></script>`;

/** Nothing is asked of any network: what the page wants is on the disk, or it is a problem. */
function serve(route) {
  const path = new URL(route.request().url()).pathname;
  if (path === '/') {
    return route.fulfill({ contentType: 'text/html', body: html });
  }
  if (path.startsWith('/public/fonts/')) {
    return route.fulfill({ status: 204 }); // the packages lack them; another font stands in
  }
  const icon = path.split('/img/icons/')[1];
  const file = icon ? join(icons, icon) : join(work, path);
  return existsSync(file) ? route.fulfill({ path: file }) : route.fulfill({ status: 404 });
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync',
  ],
});
const page = await browser.newPage({ viewport: { width: 1640, height: 1200 } });
const problems = [];
page.on('pageerror', (error) => problems.push(String(error)));
page.on('console', (said) => said.type() === 'error' && problems.push(said.text()));
await page.route('**/*', serve);
await page.goto('http://grafana.invalid/');
const told = {};
for (const shown of JSON.parse(readFileSync(answers, 'utf8'))) {
  await page.setViewportSize({ width: 1640, height: 2400 }); // a table draws only the rows that are seen
  await page.evaluate((one) => window.draw(one), shown);
  await page.waitForFunction(
    ([count, title]) =>
      document.querySelectorAll('[data-panel]').length === count && document.body.innerText.includes(title),
    [shown.panels.length, shown.title]
  );
  await page.waitForTimeout(500); // canvases are drawn after the page
  await page.locator('#shown').screenshot({ path: join(folder, `${shown.file}.png`) });
  told[shown.file] = await page.$$eval('[data-panel]', (found) =>
    found.map((one) => ({
      title: one.dataset.panel,
      text: one.innerText,
      links: [...one.querySelectorAll('a')].map((link) => link.getAttribute('href')),
      canvases: one.querySelectorAll('canvas').length,
      ground: [...one.querySelectorAll('div')].map((div) => getComputedStyle(div).backgroundImage).find((image) => image !== 'none') ?? '',
    }))
  );
}
await browser.close();
rmSync(work, { recursive: true });
writeFileSync(join(folder, 'told.json'), JSON.stringify({ told, problems }, null, 1));
