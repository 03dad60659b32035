/**
 * Keys by KeyboardEvent.code in the order of their evdev codes (linux/input-event-codes.h), as streamer/control/testdata/keys.json has
 * them. A number is the code of the key that follows, the next key's is one more. As an object it would be larger.
 */
const KEYS = `
  1 Escape Digit1 Digit2 Digit3 Digit4 Digit5 Digit6 Digit7 Digit8 Digit9 Digit0 Minus Equal Backspace Tab KeyQ KeyW KeyE
  KeyR KeyT KeyY KeyU KeyI KeyO KeyP BracketLeft BracketRight Enter ControlLeft KeyA KeyS KeyD KeyF KeyG KeyH KeyJ KeyK KeyL
  Semicolon Quote Backquote ShiftLeft Backslash KeyZ KeyX KeyC KeyV KeyB KeyN KeyM Comma Period Slash ShiftRight
  NumpadMultiply AltLeft Space CapsLock F1 F2 F3 F4 F5 F6 F7 F8 F9 F10 NumLock ScrollLock Numpad7 Numpad8 Numpad9
  NumpadSubtract Numpad4 Numpad5 Numpad6 NumpadAdd Numpad1 Numpad2 Numpad3 Numpad0 NumpadDecimal 85 Lang5 IntlBackslash F11
  F12 IntlRo Lang3 Lang4 Convert KanaMode NonConvert 96 NumpadEnter ControlRight NumpadDivide PrintScreen AltRight 102 Home
  ArrowUp PageUp ArrowLeft ArrowRight End ArrowDown PageDown Insert Delete 113 AudioVolumeMute 113 VolumeMute AudioVolumeDown
  114 VolumeDown AudioVolumeUp 115 VolumeUp Power NumpadEqual 119 Pause 121 NumpadComma Lang1 Lang2 IntlYen MetaLeft 125
  OSLeft MetaRight 126 OSRight ContextMenu BrowserStop Again Props Undo 133 Copy Open Paste Find Cut Help 140 LaunchApp2 142
  Sleep WakeUp LaunchApp1 155 LaunchMail BrowserFavorites 158 BrowserBack BrowserForward 161 Eject 163 MediaTrackNext
  MediaPlayPause MediaTrackPrevious MediaStop MediaRecord MediaRewind 171 MediaSelect BrowserHome BrowserRefresh 179
  NumpadParenLeft NumpadParenRight 183 F13 F14 F15 F16 F17 F18 F19 F20 F21 F22 F23 F24 201 MediaPause 205 Suspend 207
  MediaPlay MediaFastForward 217 BrowserSearch 224 BrightnessDown BrightnessUp
`;

/** KeyboardEvent.code to evdev key code. */
export const EVDEV: Readonly<Record<string, number>> = read(KEYS);

function read(table: string): Record<string, number> {
  const codes: Record<string, number> = {};
  let code = 0;
  for (const word of table.trim().split(/\s+/)) {
    if (/^\d/.test(word)) code = Number(word);
    else codes[word] = code++;
  }
  return codes;
}
