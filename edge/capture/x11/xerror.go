package x11

// xErrorName names the core protocol's errors (X11 protocol, appendix B); extensions number theirs from 128.
func xErrorName(code int) string {
	names := [...]string{
		1: "BadRequest", 2: "BadValue", 3: "BadWindow", 4: "BadPixmap", 5: "BadAtom", 6: "BadCursor", 7: "BadFont", 8: "BadMatch",
		9: "BadDrawable", 10: "BadAccess", 11: "BadAlloc", 12: "BadColor", 13: "BadGC", 14: "BadIDChoice", 15: "BadName",
		16: "BadLength", 17: "BadImplementation",
	}
	if code > 0 && code < len(names) {
		return names[code]
	}
	return "of an extension"
}
