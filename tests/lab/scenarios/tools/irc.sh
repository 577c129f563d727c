# A machine inside that joins a chat channel outside, as old bots do.
# packages: ncat ngircd
(printf 'NICK tho01\r\nUSER tho01 0 * :tho\r\n'; sleep 1; printf 'JOIN #dieukhien\r\n'; sleep 0.7; printf 'QUIT\r\n'; sleep 0.3) | from client ncat $INTERNET 6667
