// Draws dashboards with Grafana's own published components, from answers that were asked before (`window.answers`).
//
// Grafana's: turning answers into fields, transformations, units, mappings, thresholds, colours, legends, and how a
// number, a graph and a table look. Ours, as the packages lack them: the shapes of Prometheus' and PostgreSQL's answers
// as frames, marks on the time line, the state timeline, the frame of the page. What is ours says so on the picture.
import React, { useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { lastValueFrom } from 'rxjs';
import {
  FieldColorModeId,
  FieldConfigOptionsRegistry,
  FieldType,
  ThemeContext,
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  dateTime,
  getFieldDisplayValues,
  identityOverrideProcessor,
  standardTransformers,
  standardTransformersRegistry,
  toDataFrame,
  transformDataFrame,
} from '@grafana/data';
import { BigValue, GlobalStyles, PanelChrome, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import 'uplot/dist/uPlot.min.css';

const CELL = 30;
const GAP = 8;
const WIDTH = 1600;
const theme = createTheme({ colors: { mode: 'dark' } });

standardTransformersRegistry.setInit(() =>
  [standardTransformers.joinByFieldTransformer, standardTransformers.organizeFieldsTransformer].map((one) => ({
    id: one.id,
    name: one.name,
    transformation: async () => one,
    aliasIds: [],
    editor: () => null,
  }))
);

const options = new FieldConfigOptionsRegistry(() =>
  [
    'unit', 'min', 'max', 'decimals', 'displayName', 'noValue', 'links', 'mappings', 'thresholds', 'color',
    'custom.cellOptions', 'custom.minWidth', 'custom.drawStyle', 'custom.fillOpacity', 'custom.lineWidth',
    'custom.showPoints', 'custom.spanNulls', 'custom.stacking', 'custom.thresholdsStyle',
  ].map((path) => ({
    id: path,
    path: path.replace('custom.', ''),
    name: path,
    isCustom: path.startsWith('custom.'),
    process: identityOverrideProcessor,
    shouldApply: () => true,
    getItemsCount: () => 0,
    editor: () => null,
    override: () => null,
    settings: {},
  }))
);

const name = (legend, labels) => legend.replace(/\{\{(\w+)\}\}/g, (_, label) => labels[label] ?? '');
const number = (text) => (text === 'NaN' ? NaN : text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : +text);

/** Prometheus' answer as Grafana's data source gives it on. */
function frames(target, answer, span, alone) {
  if (answer.columns) {
    return [toDataFrame({ refId: target.refId, fields: answer.columns.map((one) => ({ ...one, config: {} })) })];
  }
  if (target.format === 'table') {
    const labels = [...new Set(answer.result.flatMap((one) => Object.keys(one.metric)))].sort();
    if (!answer.result.length) {
      return [];
    }
    return [
      toDataFrame({
        refId: target.refId,
        fields: [
          { name: 'Time', type: FieldType.time, values: answer.result.map((one) => one.value[0] * 1000) },
          ...labels.map((label) => ({
            name: label,
            type: FieldType.string,
            values: answer.result.map((one) => one.metric[label] ?? ''),
          })),
          {
            name: alone ? 'Value' : `Value #${target.refId}`,
            type: FieldType.number,
            values: answer.result.map((one) => number(one.value[1])),
          },
        ],
      }),
    ];
  }
  return answer.result.map((one) => {
    const points = one.values ?? [one.value];
    return toDataFrame({
      refId: target.refId,
      fields: [
        {
          name: 'Time',
          type: FieldType.time,
          config: { interval: span.step * 1000 },
          values: points.map(([at]) => at * 1000),
        },
        {
          name: 'Value',
          type: FieldType.number,
          labels: one.metric,
          config: { displayNameFromDS: target.legendFormat ? name(target.legendFormat, one.metric) : undefined },
          values: points.map(([, value]) => number(value)),
        },
      ],
    });
  });
}

async function data(panel, answers, span) {
  const raw = panel.targets.flatMap((target, index) => frames(target, answers[index], span, panel.targets.length === 1));
  const made = await lastValueFrom(
    transformDataFrame(panel.transformations ?? [], raw, { interpolate: (text) => text })
  );
  const found = applyFieldOverrides({
    data: made,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: options,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'Asia/Shanghai',
  });
  cacheFieldDisplayNames(found);
  return found;
}

/** Stretches of time, which Grafana draws in its core. */
function marks(builder, stretches) {
  builder.addHook('drawClear', (plot) => {
    for (const { from, to, colour } of stretches) {
      const [left, right] = [from, to].map((at) => plot.valToPos(at * 1000, 'x', true));
      plot.ctx.fillStyle = theme.visualization.getColorByName(colour);
      plot.ctx.globalAlpha = 0.15;
      plot.ctx.fillRect(left, plot.bbox.top, Math.max(right - left, 1), plot.bbox.height);
      plot.ctx.globalAlpha = 1;
    }
  });
  return null;
}

function Number({ panel, found, width, height }) {
  const [shown] = getFieldDisplayValues({
    data: found,
    fieldConfig: panel.fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: (text) => text,
    theme,
    timeZone: 'Asia/Shanghai',
  });
  return <BigValue value={shown.display} width={width} height={height} theme={theme} {...panel.options} />;
}

function Graph({ panel, found, width, height, span, stretches }) {
  const range = { from: dateTime(span.start * 1000), to: dateTime(span.end * 1000) };
  return found.length ? (
    <TimeSeries
      frames={found}
      timeRange={{ ...range, raw: range }}
      timeZone="Asia/Shanghai"
      width={width}
      height={height}
      legend={panel.options.legend}
      options={panel.options}
    >
      {(builder) => marks(builder, stretches)}
    </TimeSeries>
  ) : (
    <Empty text="No data" />
  );
}

function Table({ panel, found, width, height }) {
  return found.length && found[0].length ? (
    <TableNG
      data={found[0]}
      width={width}
      height={height}
      sortBy={panel.options.sortBy}
      cellHeight={panel.options.cellHeight}
      fieldConfig={panel.fieldConfig}
      noHeader={!panel.options.showHeader}
    />
  ) : (
    <Empty text="No data" />
  );
}

/** Ours: a bar for each stretch of one value, in the text and colour that Grafana's mapping gives it. */
function States({ found, width, height, span }) {
  const scale = (width - 220) / (span.end - span.start);
  return (
    <div style={{ fontSize: 12, height, overflow: 'hidden' }}>
      {found.map((frame, row) => {
        const [times, values] = frame.fields;
        return (
          <div key={row} style={{ position: 'relative', height: 24 }}>
            <span style={{ position: 'absolute', width: 210 }}>{values.state.displayName}</span>
            {times.values.map((at, index) => {
              const shown = values.display(values.values[index]);
              return (
                <i
                  key={at}
                  title={shown.text}
                  style={{
                    position: 'absolute', left: 220 + (at / 1000 - span.start) * scale, height: 18,
                    width: span.step * scale + 1, background: shown.color,
                  }}
                />
              );
            })}
          </div>
        );
      })}
      <small style={{ opacity: 0.6 }}>drawn by us, not by Grafana: texts and colours are its own</small>
    </div>
  );
}

const Empty = ({ text }) => <div style={{ padding: 20, textAlign: 'center', opacity: 0.6 }}>{text}</div>;
const SHAPES = { stat: Number, timeseries: Graph, table: Table, 'state-timeline': States };

function Panel({ panel, found, span, stretches }) {
  const { x, y, w, h } = panel.gridPos;
  const [width, height] = [(WIDTH / 24) * w - GAP, (CELL + GAP) * h - GAP];
  const Shape = SHAPES[panel.type];
  return (
    <div
      data-panel={panel.title}
      style={{ position: 'absolute', left: (WIDTH / 24) * x, top: (CELL + GAP) * y, width, height }}
    >
      <PanelChrome title={panel.title} description={panel.description} width={width} height={height} padding="none">
        {(inner, tall) => (
          <Shape panel={panel} found={found} width={inner} height={tall} span={span} stretches={stretches} />
        )}
      </PanelChrome>
    </div>
  );
}

function Dashboard({ shown }) {
  const [panels, setPanels] = useState(null);
  useEffect(() => {
    Promise.all(
      shown.panels.map(async ({ panel, answers }) => ({ panel, found: await data(panel, answers, shown.span) }))
    ).then(setPanels);
  }, [shown]);
  if (!panels) {
    return null;
  }
  const bottom = Math.max(
    ...panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h),
    ...shown.rows.map(({ y }) => y + 1)
  );
  return (
    <div id="shown" style={{ width: WIDTH + 24 - GAP, padding: 12, background: theme.colors.background.canvas }}>
      <div style={{ fontSize: 18, marginBottom: 4 }}>{shown.title}</div>
      <div style={{ marginBottom: 10, opacity: 0.7 }}>{shown.about}</div>
      <div style={{ position: 'relative', height: (CELL + GAP) * bottom }}>
        {shown.rows.map(({ title, y }) => (
          <div key={title} style={{ position: 'absolute', top: (CELL + GAP) * y + 4, fontSize: 15 }}>
            ▾ {title}
          </div>
        ))}
        {panels.map(({ panel, found }) => (
          <Panel key={panel.id} panel={panel} found={found} span={shown.span} stretches={shown.stretches} />
        ))}
      </div>
    </div>
  );
}

const root = createRoot(document.getElementById('root'));
window.draw = (shown) =>
  root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      <Dashboard key={shown.file} shown={shown} />
    </ThemeContext.Provider>
  );
