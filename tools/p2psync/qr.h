/* QR codes on a terminal. */
#ifndef P2PSYNC_CLI_QR_H
#define P2PSYNC_CLI_QR_H

/* Print `text` as a QR code in half blocks with its quiet zone, dark on light whatever the
 * terminal's colours; nothing if it is too long for one, or wider than the terminal. */
void qr_print(const char *text);

#endif
