# Coin miners that sign in at a pool: the lines of XMRig and of a bitcoin miner, sent with ncat to
# a listener that answers as a pool does. Nothing is mined.
# packages: ncat python3
(printf '{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD","pass":"x","agent":"XMRig/6.21.0 (Linux x86_64) libuv/1.44.2 gcc/11.4.0","algo":["rx/0","cn/2"]}}\n'
 sleep 0.5; printf '{"id":2,"jsonrpc":"2.0","method":"submit","params":{"id":"a1b2","job_id":"4Yy","nonce":"d0030040","result":"e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100"}}\n'; sleep 0.3) | from client ncat $INTERNET 3333
(printf '{"id": 1, "method": "mining.subscribe", "params": ["cgminer/4.12.0"]}\n'; sleep 0.3
 printf '{"id": 2, "method": "mining.authorize", "params": ["tho-mo.1", "x"]}\n'; sleep 0.3) | from client ncat $INTERNET 3333
