import { takeLink } from "./link.js";
import { AppShell } from "./ui/app.js";

const shell = new AppShell();
shell.link = takeLink({ location, history, storage: sessionStorage });
document.body.append(shell);
