(type $t (func (result i32)))
(table 1 funcref)
(func $invoke (param $tool i32) (param $tool_length i32) (param $at i32) (param $length i32) (result i32) (call_indirect (type $t) (i32.const 7)))
