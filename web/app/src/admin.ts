import { Console } from "./admin/console.js";

const shell = new Console();
shell.store = sessionStorage;
document.body.append(shell);
