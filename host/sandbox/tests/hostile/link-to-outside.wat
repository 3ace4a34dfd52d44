(data (i32.const 600) "/etc/passwdmine")
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32)
  (call $symlink_at (call $workspace) (i32.const 600) (i32.const 11) (i32.const 611) (i32.const 4) (i32.const 3100))
  (call $verdict))
