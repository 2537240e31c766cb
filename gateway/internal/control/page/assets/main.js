// What script adds: the page follows the gateway, differences open in place, and
// who has the admin token can steer. Without it the page is complete, and still.
import { follow } from "./live.js";
import { steer } from "./steer.js";
import { openInPlace } from "./differences.js";

follow();
steer();
openInPlace();
