package streamer

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/pion/logging"
)

// levelTrace is below slog's debug: pion traces each packet.
const levelTrace = slog.LevelDebug - 4

// pionLoggers sends pion's messages to slog, one level lower than pion has them: what is an error to one connection
// attempt (a candidate that does not answer) is a detail to a session.
type pionLoggers struct{ logger *slog.Logger }

// Loggers adapts a logger for pion's packages.
func Loggers(logger *slog.Logger) logging.LoggerFactory { return pionLoggers{logger} }

func (p pionLoggers) NewLogger(scope string) logging.LeveledLogger {
	return pionLogger{p.logger.With("pion", scope)}
}

type pionLogger struct{ logger *slog.Logger }

func (p pionLogger) log(level slog.Level, message string) {
	p.logger.Log(context.Background(), level, message)
}

func (p pionLogger) logf(level slog.Level, format string, arguments []any) {
	if p.logger.Enabled(context.Background(), level) {
		p.log(level, fmt.Sprintf(format, arguments...))
	}
}

func (p pionLogger) Trace(message string)           { p.log(levelTrace, message) }
func (p pionLogger) Tracef(format string, a ...any) { p.logf(levelTrace, format, a) }
func (p pionLogger) Debug(message string)           { p.log(levelTrace, message) }
func (p pionLogger) Debugf(format string, a ...any) { p.logf(levelTrace, format, a) }
func (p pionLogger) Info(message string)            { p.log(slog.LevelDebug, message) }
func (p pionLogger) Infof(format string, a ...any)  { p.logf(slog.LevelDebug, format, a) }
func (p pionLogger) Warn(message string)            { p.log(slog.LevelDebug, message) }
func (p pionLogger) Warnf(format string, a ...any)  { p.logf(slog.LevelDebug, format, a) }
func (p pionLogger) Error(message string)           { p.log(slog.LevelInfo, message) }
func (p pionLogger) Errorf(format string, a ...any) { p.logf(slog.LevelInfo, format, a) }
