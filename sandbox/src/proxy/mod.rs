//! The load balancer and the edge: how traffic is carried.
