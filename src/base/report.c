/* SPDX-License-Identifier: MIT */
/* What Quarry says: log lines, damage reports, the last word. */
#include <base/format.h>
#include <base/quarry_state.h>

#define REPORT_LINE 384

void quarry_log(struct quarry *q, enum quarry_log_level level, const char *fmt, ...)
{
	char line[REPORT_LINE];
	va_list ap;

	if (q->port.log == NULL)
		return;
	va_start(ap, fmt);
	quarry_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	q->port.log(q->port.ctx, level, line);
}

void quarry_report(struct quarry *q, const char *fmt, ...)
{
	char line[REPORT_LINE];
	va_list ap;

	va_start(ap, fmt);
	quarry_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (q->port.report != NULL)
		q->port.report(q->port.ctx, line);
	else if (q->port.log != NULL)
		q->port.log(q->port.ctx, QUARRY_LOG_ERR, line);
}

void quarry_panic(struct quarry *q, const char *fmt, ...)
{
	char line[REPORT_LINE];
	va_list ap;

	va_start(ap, fmt);
	quarry_vformat(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (q->port.log != NULL)
		q->port.log(q->port.ctx, QUARRY_LOG_ERR, line);
	if (q->port.panic != NULL)
		q->port.panic(q->port.ctx, line);
	for (;;)
		;
}
