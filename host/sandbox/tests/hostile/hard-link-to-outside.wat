(data (i32.const 600) "../outside/secret.txtmine")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $link_at (call $workspace) (i32.const 0) (i32.const 600) (i32.const 21) (call $workspace) (i32.const 621) (i32.const 4) (i32.const 3100))
  (call $verdict))
